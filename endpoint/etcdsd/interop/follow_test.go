package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/bounded"
)

// witness keeps what an Instancer tells.
type witness struct {
	mu     sync.Mutex
	list   string // the last
	seen   []string
	err    error // after it; nil: none
	failed int
}

func watchWith(t *testing.T, i muxendpoint.Instancer) *witness {
	w := &witness{}
	ch, quit, ended := make(chan muxendpoint.InstancesEvent), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case ev := <-ch:
				w.note(ev)
			case <-quit:
				return
			}
		}
	}()
	i.RegisterInstances(ch)
	t.Cleanup(func() {
		i.DeregisterInstances(ch)
		close(quit)
		bounded.Receive(t, ended)
	})
	return w
}

func (w *witness) note(ev muxendpoint.InstancesEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err = ev.Err; ev.Err != nil {
		w.failed++
		return
	}
	var all []string
	for _, in := range ev.Instances {
		all = append(all, in.String())
	}
	slices.Sort(all)
	w.list = strings.Join(all, " ")
	w.seen = append(w.seen, w.list)
}

func (w *witness) sees(t *testing.T, list string) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Logf("it is %q", last)
		}
	}()
	eventually(t, "the list is to be "+list, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		last = w.list
		return w.list == list && w.err == nil
	})
}

// fails waits for an error, and returns the list and it.
func (w *witness) fails(t *testing.T) (list string, err error) {
	t.Helper()
	eventually(t, "an error", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		list, err = w.list, w.err
		return err != nil
	})
	return list, err
}

// history are the lists that were seen, and forgets them.
func (w *witness) history() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.seen
	w.seen = nil
	return h
}

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
	var lines sync.Map
	logger := log.LoggerFunc(func(kv ...any) error {
		line := fmt.Sprint(kv...)
		n, _ := lines.LoadOrStore(line, 0)
		lines.Store(line, n.(int)+1)
		return nil
	})
	one, two := newInstancer(t, c, etcdsd.WithLogger(logger)), newInstancer(t, c)
	if err := one.Await(soon(t)); err != nil {
		t.Fatal(err)
	}
	a, b := watchWith(t, one), watchWith(t, two)
	a.sees(t, "")
	made := make(chan string, 10)
	endpointer := sd.NewEndpointer(one, func(instance string) (endpoint.Endpoint, io.Closer, error) {
		made <- instance
		return endpoint.Nop, nil, nil
	}, log.NewNopLogger())
	defer endpointer.Close()
	registrars := []*etcdsd.Registrar{
		newRegistrar(t, c, at("a:1")),
		newRegistrar(t, c, muxendpoint.Instance{Address: "b:1", Weight: 3, Zone: "north", Labels: map[string]string{"version": "7"}}),
		newRegistrar(t, c, at("c:1")),
	}
	for _, r := range registrars {
		if err := r.Err(); !errors.Is(err, etcdsd.ErrNotRegistered) {
			t.Error(err)
		}
		r.Register()
		if err := r.Err(); err != nil {
			t.Error(err)
		}
	}
	all := `a:1 c:1 {"address":"b:1","weight":3,"zone":"north","labels":{"version":"7"}}`
	a.sees(t, all)
	b.sees(t, all)
	eventually(t, "three endpoints of go-kit's", func() bool { return len(made) == 3 })
	for key, value := range map[string]string{"bad": "{", "worse": "", "of-go-kit": "http://d:1", "spaces": "x y:1"} {
		if _, err := hands.Put(soon(t), prefix+key, value); err != nil {
			t.Fatal(err)
		}
	}
	a.sees(t, strings.Replace(all, "c:1 ", "c:1 http://d:1 ", 1))
	if _, err := hands.Put(soon(t), prefix+"bad", "{"); err != nil { // again
		t.Fatal(err)
	}
	registrars[0].Deregister()
	if err := registrars[1].Update(at("b:2")); err != nil {
		t.Fatal(err)
	}
	a.sees(t, "b:2 c:1 http://d:1")
	b.sees(t, "b:2 c:1 http://d:1")
	left := 0
	lines.Range(func(line, n any) bool {
		if strings.Contains(line.(string), "left out") {
			left++
			if n.(int) != 1 {
				t.Errorf("%d times: %s", n, line)
			}
		}
		return true
	})
	if left != 3 {
		t.Errorf("%d entries were named", left)
	}
}

// What a lease or a key goes through, the node is named again; not where another process has
// taken its key.
func TestARegistrarComesBackAfterAnyLoss(t *testing.T) {
	e := startEtcd(t)
	c, hands := e.client(t), e.direct(t)
	w := watchWith(t, newInstancer(t, c))
	w.sees(t, "")
	r := newRegistrar(t, c, at("a:1"))
	r.Register()
	w.sees(t, "a:1")
	gone := func(what string) {
		t.Helper()
		eventually(t, what+": the node is named again", func() bool {
			for i, list := range w.history() {
				if list == "" && i >= 0 {
					return false
				}
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.list == "a:1"
		})
	}
	leases, err := hands.Leases(soon(t))
	if err != nil || len(leases.Leases) != 1 {
		t.Fatalf("%v, %v", leases, err)
	}
	if _, err := hands.Revoke(soon(t), leases.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	w.sees(t, "")
	gone("its lease was revoked")
	if _, err := hands.Delete(soon(t), prefix+"a:1"); err != nil {
		t.Fatal(err)
	}
	w.sees(t, "")
	gone("its key was deleted")

	other := newRegistrar(t, hands, muxendpoint.Instance{Address: "a:1", Weight: 9}) // a new process
	other.Register()
	w.sees(t, `{"address":"a:1","weight":9}`)
	eventually(t, "it says that its key is taken", func() bool { return errors.Is(r.Err(), etcdsd.ErrTaken) })
	r.Deregister()
	if kvs, err := hands.Get(soon(t), prefix+"a:1"); err != nil || kvs.Count != 1 {
		t.Errorf("the other's key went with the old one: %v, %v", kvs, err)
	}
	r.Register()
	eventually(t, "who comes last has the key", func() bool { return errors.Is(other.Err(), etcdsd.ErrTaken) })
	r.Deregister()
	eventually(t, "it is free again", func() bool { return other.Err() == nil })
	w.sees(t, `{"address":"a:1","weight":9}`)
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
	w := watchWith(t, newInstancer(t, e.client(t), etcdsd.WithCheckInterval(time.Hour))) // the watch has to tell
	w.sees(t, "a:1 b:1")
	w.history()
	e.proxy.cut()
	e.proxy.reset()
	put("c")
	if _, err := hands.Delete(soon(t), prefix+"a"); err != nil {
		t.Fatal(err)
	}
	if _, err := hands.Compact(soon(t), put("d")); err != nil {
		t.Fatal(err)
	}
	e.proxy.heal()
	w.sees(t, "b:1 c:1 d:1")
	w.mu.Lock()
	if len(w.seen) != 1 || w.failed != 0 {
		t.Errorf("there were %q and %d errors", w.seen, w.failed)
	}
	w.mu.Unlock()
	put("e")
	w.sees(t, "b:1 c:1 d:1 e:1")
}

// An etcd that has lost its data has not said that there are no nodes.
func TestEtcdLosesItsData(t *testing.T) {
	e := startEtcd(t)
	c := e.client(t)
	hands := e.direct(t)
	if _, err := hands.Put(soon(t), prefix+"by-hand", "h:1"); err != nil {
		t.Fatal(err)
	}
	w := watchWith(t, newInstancer(t, c, etcdsd.WithGrace(10*time.Second)))
	for _, address := range []string{"a:1", "b:1", "c:1"} {
		newRegistrar(t, c, at(address)).Register()
	}
	w.sees(t, "a:1 b:1 c:1 h:1")
	for range 20 {
		if _, err := hands.Put(soon(t), "/elsewhere", "x"); err != nil {
			t.Fatal(err)
		}
	}
	w.history()
	e.empty(t)
	eventually(t, "all have registered again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := hands.Get(ctx, prefix, clientv3.WithPrefix())
		return err == nil && r.Count == 3
	})
	newRegistrar(t, c, at("d:1")).Register() // the watch is found to be deaf
	w.sees(t, "a:1 b:1 c:1 d:1 h:1")
	w.sees(t, "a:1 b:1 c:1 d:1") // nobody has put h:1 again, and its time is over
	for _, list := range w.history() {
		if !strings.HasPrefix(list, "a:1 b:1 c:1") {
			t.Errorf("the list was %q meanwhile", list)
		}
	}
}
