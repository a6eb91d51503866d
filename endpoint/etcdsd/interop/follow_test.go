package interop

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

const prefix = "/services/stock/"

// quick are options with which nothing takes long.
func quick(opts ...etcdsd.Option) []etcdsd.Option {
	return append([]etcdsd.Option{etcdsd.WithTimeout(time.Second), etcdsd.WithBackoff(20*time.Millisecond, 200*time.Millisecond)}, opts...)
}

func newInstancer(t *testing.T, c *clientv3.Client, opts ...etcdsd.Option) *etcdsd.Instancer {
	t.Helper()
	i, err := etcdsd.NewInstancer(c, prefix, quick(append([]etcdsd.Option{etcdsd.WithCheckInterval(500 * time.Millisecond)}, opts...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return i
}

func newRegistrar(t *testing.T, c *clientv3.Client, in muxendpoint.Instance, opts ...etcdsd.Option) *etcdsd.Registrar {
	t.Helper()
	r, err := etcdsd.NewRegistrar(c, prefix+in.Address, in, quick(append([]etcdsd.Option{etcdsd.WithTTL(2 * time.Second), etcdsd.WithDrainDelay(1)}, opts...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Deregister)
	return r
}

func at(address string) muxendpoint.Instance { return muxendpoint.Instance{Address: address} }

// Any number of Instancers and Registrars share a client; values are go-kit's or JSON; what
// is malformed is left out and named once; go-kit's own endpointer hears of the same.
func TestRegistrarsAndInstancersShareAClient(t *testing.T) {
	e := startEtcd(t)
	c, hands := e.client(t), e.direct(t)
	var said discoverytest.Logger
	one, two := newInstancer(t, c, etcdsd.WithLogger(&said)), newInstancer(t, c)
	if err := one.Await(soon(t)); err != nil {
		t.Fatal(err)
	}
	a, b := discoverytest.Watch(t, one, nil), discoverytest.Watch(t, two, nil)
	a.Sees(t, "")
	made := make(chan string, 10)
	endpointer := sd.NewEndpointer(one, func(instance string) (endpoint.Endpoint, io.Closer, error) {
		made <- instance
		return endpoint.Nop, nil, nil
	}, log.NewNopLogger())
	defer endpointer.Close()
	registrars := []*etcdsd.Registrar{
		newRegistrar(t, c, at("a:1"), patient),
		newRegistrar(t, c, muxendpoint.Instance{Address: "b:1", Weight: 3, Zone: "north", Labels: map[string]string{"version": "7"}}, patient),
		newRegistrar(t, c, at("c:1"), patient),
	}
	for _, r := range registrars {
		if err := r.Err(); !errors.Is(err, etcdsd.ErrNotRegistered) {
			t.Error(err)
		}
		r.Register() // for a second at most
		discoverytest.Eventually(t, "it is registered", func() bool { return r.Err() == nil })
	}
	all := `a:1 c:1 {"address":"b:1","weight":3,"zone":"north","labels":{"version":"7"}}`
	a.Sees(t, all)
	b.Sees(t, all)
	discoverytest.Eventually(t, "three endpoints of go-kit's", func() bool { return len(made) >= 3 })
	for key, value := range map[string]string{"bad": "{", "worse": "", "of-go-kit": "http://d:1", "spaces": "x y:1"} {
		if _, err := hands.Put(soon(t), prefix+key, value); err != nil {
			t.Fatal(err)
		}
	}
	a.Sees(t, strings.Replace(all, "c:1 ", "c:1 http://d:1 ", 1))
	if _, err := hands.Put(soon(t), prefix+"bad", "{"); err != nil { // again
		t.Fatal(err)
	}
	registrars[0].Deregister()
	if err := registrars[1].Update(at("b:2")); err != nil {
		t.Fatal(err)
	}
	a.Sees(t, "b:2 c:1 http://d:1")
	b.Sees(t, "b:2 c:1 http://d:1")
	if left := said.Lines("left out"); len(left) != 3 || len(slices.Compact(slices.Sorted(slices.Values(left)))) != 3 {
		t.Errorf("of three entries that are left out it said %q", left)
	}
}

// What a lease or a key goes through, the node is named again; not where another process has
// taken its key.
func TestARegistrarComesBackAfterAnyLoss(t *testing.T) {
	e := startEtcd(t)
	c, hands := e.client(t), e.direct(t)
	w := discoverytest.Watch(t, newInstancer(t, c), nil)
	w.Sees(t, "")
	r := newRegistrar(t, c, at("a:1"))
	r.Register()
	w.Sees(t, "a:1")
	held, err := hands.Get(soon(t), prefix+"a:1")
	if err != nil || len(held.Kvs) != 1 {
		t.Fatalf("%v, %v", held, err)
	}
	w.History()
	if _, err := hands.Revoke(soon(t), clientv3.LeaseID(held.Kvs[0].Lease)); err != nil {
		t.Fatal(err)
	}
	w.Told(t, "")
	w.Sees(t, "a:1") // named again
	w.History()
	if _, err := hands.Delete(soon(t), prefix+"a:1"); err != nil {
		t.Fatal(err)
	}
	w.Told(t, "")
	w.Sees(t, "a:1")

	other := newRegistrar(t, hands, muxendpoint.Instance{Address: "a:1", Weight: 9}) // a new process
	other.Register()
	w.Sees(t, `{"address":"a:1","weight":9}`)
	discoverytest.Eventually(t, "it says that its key is taken", func() bool { return errors.Is(r.Err(), etcdsd.ErrTaken) })
	r.Deregister()
	if kvs, err := hands.Get(soon(t), prefix+"a:1"); err != nil || kvs.Count != 1 {
		t.Errorf("the other's key went with the old one: %v, %v", kvs, err)
	}
	r.Register()
	discoverytest.Eventually(t, "who comes last has the key", func() bool { return errors.Is(other.Err(), etcdsd.ErrTaken) })
	r.Deregister()
	discoverytest.Eventually(t, "it is free again", func() bool { return other.Err() == nil })
	w.Sees(t, `{"address":"a:1","weight":9}`)
}

// The watch cannot be resumed where it was: it was compacted away while etcd could not be reached.
func TestAWatchIsResumedAfterCompaction(t *testing.T) {
	e := startEtcd(t)
	hands := e.direct(t)
	put := func(key string) int64 {
		t.Helper()
		r, err := hands.Put(soon(t), prefix+key, key+":1")
		if err != nil {
			t.Fatal(err)
		}
		return r.Header.Revision
	}
	put("a")
	put("b")
	w := discoverytest.Watch(t, newInstancer(t, e.client(t), etcdsd.WithCheckInterval(time.Hour), etcdsd.WithTimeout(10*time.Second)), nil) // the watch has to tell
	w.Sees(t, "a:1 b:1")
	w.History()
	e.proxy.Cut()
	e.proxy.Reset()
	put("c")
	if _, err := hands.Delete(soon(t), prefix+"a"); err != nil {
		t.Fatal(err)
	}
	if _, err := hands.Compact(soon(t), put("d")); err != nil {
		t.Fatal(err)
	}
	e.proxy.Heal()
	w.Sees(t, "b:1 c:1 d:1")
	if h, errs := slices.Compact(w.History()), w.Errors(); len(h) != 1 || len(errs) != 0 {
		t.Errorf("there were %q and %v", h, errs)
	}
	put("e")
	w.Sees(t, "b:1 c:1 d:1 e:1")
}

// patient is for tests of what etcd forgets: no lease runs out because this machine has much else to do.
var patient = etcdsd.WithTTL(10 * time.Second)

// An etcd that has lost its data has not said that there are no nodes.
func TestEtcdLosesItsData(t *testing.T) {
	bounded.Long(t)
	e := startEtcd(t)
	c := e.client(t)
	hands := e.direct(t)
	if _, err := hands.Put(soon(t), prefix+"by-hand", "h:1"); err != nil {
		t.Fatal(err)
	}
	w := discoverytest.Watch(t, newInstancer(t, c, etcdsd.WithGrace(20*time.Second)), nil)
	for _, address := range []string{"a:1", "b:1", "c:1"} {
		newRegistrar(t, c, at(address), patient).Register()
	}
	w.Sees(t, "a:1 b:1 c:1 h:1")
	for range 20 {
		if _, err := hands.Put(soon(t), "/elsewhere", "x"); err != nil {
			t.Fatal(err)
		}
	}
	w.History()
	e.empty(t)
	discoverytest.Eventually(t, "all have registered again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := hands.Get(ctx, prefix, clientv3.WithPrefix())
		return err == nil && r.Count == 3
	})
	newRegistrar(t, c, at("d:1"), patient).Register() // the watch is found to be deaf
	w.Sees(t, "a:1 b:1 c:1 d:1 h:1")
	w.Sees(t, "a:1 b:1 c:1 d:1") // nobody has put h:1 again, and its time is over
	for _, list := range w.History() {
		if !strings.HasPrefix(list, "a:1 b:1 c:1") {
			t.Errorf("the list was %q meanwhile", list)
		}
	}
}

// An etcd that is restored from a backup counts on from there, and is the same cluster: what was written since is named for a while, and what is
// written then is told.
func TestEtcdIsRestored(t *testing.T) {
	for name, elsewhere := range map[string]int{"to long before": 20, "and comes as far as it was": 0} {
		t.Run(name, func(t *testing.T) { restored(t, elsewhere) })
	}
}

// restored has etcd restored from a backup after which so many entries were written elsewhere.
func restored(t *testing.T, elsewhere int) {
	bounded.Long(t)
	e := startEtcd(t)
	c, hands := e.client(t), e.direct(t)
	put := func(key, value string) {
		t.Helper()
		if _, err := hands.Put(soon(t), key, value); err != nil {
			t.Fatal(err)
		}
	}
	put(prefix+"by-hand", "h:1")
	w := discoverytest.Watch(t, newInstancer(t, c, etcdsd.WithGrace(20*time.Second)), nil)
	for _, address := range []string{"a:1", "b:1"} {
		newRegistrar(t, c, at(address), patient).Register()
	}
	w.Sees(t, "a:1 b:1 h:1")
	backup := e.backUp(t)
	put(prefix+"since", "s:1")
	for range elsewhere {
		put("/elsewhere", "x")
	}
	w.Sees(t, "a:1 b:1 h:1 s:1")
	w.History()
	e.restore(t, backup)
	put(prefix+"then", "t:1") // at a revision that the watch has passed
	w.Sees(t, "a:1 b:1 h:1 s:1 t:1")
	w.Sees(t, "a:1 b:1 h:1 t:1") // nobody has put s:1 again, and its time is over
	for _, list := range w.History() {
		if !strings.HasPrefix(list, "a:1 b:1 h:1") {
			t.Errorf("the list was %q meanwhile", list)
		}
	}
}
