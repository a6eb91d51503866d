//go:build peers

package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// A member is parted from the others, and some clients know no other.
func TestAMinorityThatIsParted(t *testing.T) {
	m := startMembers(t)
	leader, others := m.split(t)
	parted, most := others[0], []*etcd{leader, others[1]}
	hands := m.hands(t, most...)

	unhurried := etcdsd.WithTimeout(30 * time.Second)
	c := newClient(t, etcdsd.ClientConfig(parted.proxy.Address)) // its watch is there; it hears of the others later
	moving := discoverytest.Watch(t, newInstancer(t, c, unhurried, etcdsd.WithCheckInterval(time.Hour)), nil)
	var said discoverytest.Logger
	r := newRegistrar(t, c, at("a:1"), unhurried, etcdsd.WithTTL(time.Hour), etcdsd.WithLogger(&said))
	r.Register()
	moving.Sees(t, "a:1")
	c.SetEndpoints(m.addresses()...)

	alone := newClient(t, etcdsd.ClientConfig(parted.proxy.Address))
	left := newRegistrar(t, alone, at("left:1"))
	left.Register()
	stuck := discoverytest.Watch(t, newInstancer(t, alone, unhurried, etcdsd.WithCheckInterval(time.Hour)), nil) // its watch is to tell, before a look is late
	stuck.Sees(t, "a:1 left:1")
	well := discoverytest.Watch(t, newInstancer(t, hands), nil)
	well.Sees(t, "a:1 left:1")

	m.part(parted, (*discoverytest.Proxy).Cut)
	stuck.Fails(t, "a:1 left:1", "no leader") // who knows only the parted member
	well.Sees(t, "a:1")                       // a lease has run out
	discoverytest.Eventually(t, "who reaches only the parted member is not registered", func() bool { return left.Err() != nil })
	moving.Sees(t, "a:1")
	for n := range 12 { // whichever member is asked first
		if err := r.Update(at(fmt.Sprint("a:", 10+n))); err != nil {
			t.Fatal(err)
		}
		for _, w := range []*discoverytest.Witness{well, moving} {
			w.Sees(t, fmt.Sprint("a:", 10+n))
		}
	}
	for range 4 {
		r.Deregister()
		well.Sees(t, "")
		r.Register()
		well.Sees(t, "a:21")
	}
	if lines := said.Lines("not "); len(lines) > 0 {
		t.Errorf("the Registrar, which reaches two members that are well, said %q", lines)
	}
	for _, err := range moving.Errors() {
		if !strings.Contains(err.Error(), "no leader") {
			t.Errorf("the Instancer, which reaches two members that are well, said %v", err)
		}
	}

	m.part(parted, (*discoverytest.Proxy).Heal)
	for _, w := range []*discoverytest.Witness{stuck, well, moving} {
		w.Sees(t, "a:21 left:1")
	}
}
