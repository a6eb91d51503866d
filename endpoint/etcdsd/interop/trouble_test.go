package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// An etcd that answers nothing: that is told, nothing hangs, and nothing is forgotten.
func TestEtcdThatAnswersNothing(t *testing.T) {
	e := startEtcd(t)
	c := e.client(t)
	i := newInstancer(t, c)
	w := discoverytest.Watch(t, i, nil)
	r := newRegistrar(t, c, at("a:1"))
	r.Register()
	w.Sees(t, "a:1")
	e.proxy.Cut()
	w.Fails(t, "a:1", "")
	discoverytest.Eventually(t, "the Registrar says so", func() bool { return r.Err() != nil })
	late := newRegistrar(t, c, at("late:1"))
	bounded.Wait(t, late.Register)
	if late.Err() == nil {
		t.Error("registered with nobody")
	}
	bounded.Wait(t, late.Deregister)
	other := newInstancer(t, c)
	bounded.Wait(t, other.Stop)
	e.proxy.Heal()
	w.Sees(t, "a:1")
	discoverytest.Eventually(t, "the Registrar is well", func() bool { return r.Err() == nil })
	bounded.Wait(t, i.Stop)
}

// Credentials are withdrawn, and given again.
func TestCredentialsThatExpire(t *testing.T) {
	e := startEtcd(t)
	root := e.direct(t)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := soon(t)
	for _, user := range []string{"root", "reader"} {
		must(root.UserAdd(ctx, user, "secret"))
		must(root.RoleAdd(ctx, user))
		must(root.UserGrantRole(ctx, user, user))
	}
	grant := func() {
		must(root.RoleGrantPermission(soon(t), "reader", prefix, clientv3.GetPrefixRangeEnd(prefix), clientv3.PermissionType(clientv3.PermReadWrite)))
	}
	grant()
	must(root.Put(ctx, prefix+"a", "a:1"))
	must(root.AuthEnable(ctx))
	root = e.clientOf(t, e.clients, "root", "secret")
	c := e.clientOf(t, e.proxy.Address, "reader", "secret")
	w := discoverytest.Watch(t, newInstancer(t, c), nil)
	r := newRegistrar(t, c, at("b:1"), etcdsd.WithTTL(time.Hour)) // it is not to be seen to end
	r.Register()
	w.Sees(t, "a:1 b:1")
	must(root.RoleRevokePermission(soon(t), "reader", prefix, clientv3.GetPrefixRangeEnd(prefix)))
	w.Fails(t, "a:1 b:1", "")
	if err := r.Update(muxendpoint.Instance{Address: "b:2"}); err != nil {
		t.Fatal(err)
	}
	discoverytest.Eventually(t, "the Registrar says so", func() bool {
		return r.Err() != nil && strings.Contains(r.Err().Error(), "permission denied")
	})
	grant()
	w.Sees(t, "a:1 b:2")
	must(root.UserChangePassword(soon(t), "reader", "other")) // its token is no good any more, nor its password
	w.Fails(t, "a:1 b:2", "")
	must(root.UserChangePassword(soon(t), "reader", "secret"))
	must(root.Put(soon(t), prefix+"c", "c:1"))
	w.Sees(t, "a:1 b:2 c:1")
}

// A key that comes and goes all the time does not make as many lists, and the last word is what counts.
func TestEntriesThatFlap(t *testing.T) {
	e := startEtcd(t)
	hands := e.direct(t)
	w := discoverytest.Watch(t, newInstancer(t, e.client(t)), nil)
	if _, err := hands.Put(soon(t), prefix+"a", "a:1"); err != nil {
		t.Fatal(err)
	}
	w.Sees(t, "a:1")
	w.History()
	began := time.Now()
	for i := range 100 {
		if _, err := hands.Put(soon(t), prefix+"flap", fmt.Sprintf("f:%d", i)); err != nil {
			t.Fatal(err)
		}
		if _, err := hands.Delete(soon(t), prefix+"flap"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hands.Put(soon(t), prefix+"last", "z:1"); err != nil {
		t.Fatal(err)
	}
	w.Sees(t, "a:1 z:1")
	if h, most := len(w.History()), int(time.Since(began)/(100*time.Millisecond))+2; h > most {
		t.Errorf("200 changes in %v made %d lists, %d are allowed", time.Since(began), h, most)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	e := startEtcd(t)
	c := e.direct(t)
	for name, opts := range map[string][]etcdsd.Option{
		"WithTimeout": {etcdsd.WithTimeout(-1)}, "WithBackoff": {etcdsd.WithBackoff(2, 1)}, "WithTTL": {etcdsd.WithTTL(time.Second)},
		"WithGrace": {etcdsd.WithGrace(-1)}, "WithDrainDelay": {etcdsd.WithDrainDelay(-1)}, "WithCheckInterval": {etcdsd.WithCheckInterval(-1)},
	} {
		_, err := etcdsd.NewInstancer(c, prefix, opts...)
		_, err2 := etcdsd.NewRegistrar(c, prefix+"a", at("a:1"), opts...)
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := etcdsd.NewInstancer(nil, prefix); err == nil {
		t.Error("a nil client")
	}
	if _, err := etcdsd.NewInstancer(c, ""); err == nil {
		t.Error("an empty prefix")
	}
	if _, err := etcdsd.NewInstancer(c, prefix, etcdsd.WithTTL(time.Minute)); err == nil {
		t.Error("an option of the other's")
	}
	if _, err := etcdsd.NewRegistrar(c, "", at("a:1")); err == nil {
		t.Error("an empty key")
	}
	if _, err := etcdsd.NewRegistrar(c, prefix+"a", at("a b")); err == nil {
		t.Error("an address with a space")
	}
}
