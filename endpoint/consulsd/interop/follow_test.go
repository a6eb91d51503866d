package interop

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/consulsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// All that is told of a node arrives; go-kit's own endpointer hears of the same; what is malformed is left out and named once.
func TestRegistrarsAndInstancers(t *testing.T) {
	c := startConsul(t, nil)
	var said discoverytest.Logger
	one := c.instancer(t, consulsd.WithLogger(&said))
	a, tagged := discoverytest.Watch(t, one, nil), discoverytest.Watch(t, c.instancer(t, consulsd.WithTags("v7", "mux")), nil)
	a.Fails(t, "", "never had")
	made := make(chan string, 10)
	endpointer := sd.NewEndpointer(one, func(instance string) (endpoint.Endpoint, io.Closer, error) {
		made <- instance
		return endpoint.Nop, nil, nil
	}, log.NewNopLogger())
	defer endpointer.Close()
	registrars := []*consulsd.Registrar{
		c.registrar(t, at("127.0.0.1:1")),
		c.registrar(t, at("[fd00::2]:8080")), // go-kit's Instancer makes fd00::2:8080 of it
		c.registrar(t, muxendpoint.Instance{Address: "10.0.0.1:1", Weight: 200, Zone: "north", Labels: map[string]string{"version": "7"}}, consulsd.WithTags("mux", "v7")),
	}
	for _, r := range registrars {
		if err := r.Err(); !errors.Is(err, consulsd.ErrNotRegistered) {
			t.Error(err)
		}
		r.Register() // for a second at most
		discoverytest.Eventually(t, "it is registered", func() bool { return r.Err() == nil })
	}
	heavy := `{"address":"10.0.0.1:1","weight":200,"zone":"north","labels":{"node":"m1","tags":"mux,v7","version":"7"}}`
	a.Sees(t, heavy+" "+is("127.0.0.1:1", "[fd00::2]:8080"))
	tagged.Sees(t, heavy)
	there := map[string]bool{}
	for range registrars {
		there[bounded.Receive(t, made)] = true
	}
	if !there["[fd00::2]:8080"] || !there["10.0.0.1:1"] {
		t.Errorf("go-kit's endpointer has %v", there)
	}
	c.byHand(t, "portless", "10.0.0.9", 0)
	c.byHand(t, "of-the-machine", "", 9)
	a.Sees(t, heavy+" "+is("127.0.0.1:1", "127.0.0.1:9", "[fd00::2]:8080"))
	c.byHand(t, "portless", "10.0.0.8", 0)
	c.byHand(t, "portless", "10.0.0.9", 0) // again
	registrars[1].Deregister()
	if err := registrars[2].Update(at("10.0.0.1:2")); err != nil {
		t.Fatal(err)
	}
	last := strings.Replace(is("10.0.0.1:2"), `"m1"`, `"m1","tags":"mux,v7"`, 1)
	a.Sees(t, last+" "+is("127.0.0.1:1", "127.0.0.1:9"))
	tagged.Sees(t, last)
	if left := said.Lines("left out"); len(left) != 1 {
		t.Errorf("of one entry that is left out it said %q", left)
	}
}

// Whatever befalls its registration the node is named again; not where another process has taken its id.
func TestARegistrarComesBackAfterAnyLoss(t *testing.T) {
	bounded.Long(t)
	c := startConsul(t, nil)
	w := discoverytest.Watch(t, c.instancer(t), nil)
	r := c.registrar(t, at("127.0.0.1:1"))
	r.Register()
	w.Sees(t, is("127.0.0.1:1"))
	const id = "stock-127.0.0.1:1"
	for _, path := range []string{"/v1/agent/service/deregister/" + id, "/v1/agent/check/fail/service:" + id, "/v1/agent/service/maintenance/" + id + "?enable=true"} {
		w.History()
		c.must(t, "PUT", path, nil)
		w.Told(t, "")
		if strings.Contains(path, "maintenance") { // an operator's word holds
			for _, change := range []func() error{func() error { return nil }, func() error { return r.Update(at("127.0.0.1:1")) }, func() error {
				return r.Update(muxendpoint.Instance{Address: "127.0.0.1:1", Weight: 3})
			}} {
				if err := change(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second) // as long as a renewal takes that would undo it
				if list, _ := w.Now(); list != "" {
					t.Errorf("in maintenance it is named: %s", list)
				}
			}
			if err := r.Update(at("127.0.0.1:1")); err != nil {
				t.Fatal(err)
			}
			c.must(t, "PUT", strings.Replace(path, "true", "false", 1), nil)
		}
		w.Sees(t, is("127.0.0.1:1"))
	}
	c.must(t, "PUT", "/v1/agent/check/deregister/service:"+id, nil)
	discoverytest.Eventually(t, "its check is there again", func() bool {
		return strings.Contains(c.must(t, "GET", "/v1/agent/checks", nil), "service:"+id)
	})

	// One that begins where a crashed one's check is critical is named at once, not at its first renewal.
	c.must(t, "PUT", "/v1/agent/check/fail/service:"+id, nil)
	again := c.registrar(t, at("127.0.0.1:1"))
	again.Register()
	discoverytest.Eventually(t, "it is registered", func() bool { return again.Err() == nil })
	if state := c.must(t, "GET", "/v1/agent/checks", nil); strings.Contains(state, `"critical"`) {
		t.Errorf("registered beside a check that had failed: %s", state)
	}
	again.Deregister()

	other := c.registrar(t, muxendpoint.Instance{Address: "127.0.0.1:1", Weight: 9}) // a new process
	other.Register()
	nine := strings.Replace(is("127.0.0.1:1"), `"zone"`, `"weight":9,"zone"`, 1)
	w.Sees(t, nine)
	discoverytest.Eventually(t, "it says that its id is taken", func() bool { return errors.Is(r.Err(), consulsd.ErrTaken) })
	r.Deregister()
	if !strings.Contains(c.must(t, "GET", "/v1/agent/service/"+id, nil), `"Passing": 9`) && !strings.Contains(c.must(t, "GET", "/v1/agent/service/"+id, nil), `"Passing":9`) {
		t.Error("the other's registration went with the old one")
	}
	r.Register()
	discoverytest.Eventually(t, "who comes last has the id", func() bool { return errors.Is(other.Err(), consulsd.ErrTaken) })
	r.Deregister()
	discoverytest.Eventually(t, "it is free again", func() bool { return other.Err() == nil })
	w.Sees(t, nine)
}

// A Consul that has lost its data has not said that there are no nodes.
func TestConsulLosesItsData(t *testing.T) {
	bounded.Long(t)
	c := startConsul(t, nil)
	for n := range 300 { // its index is far ahead of that of a new one
		c.must(t, "PUT", "/v1/kv/elsewhere", n)
	}
	c.byHand(t, "by-hand", "127.0.0.1", 9)
	w := discoverytest.Watch(t, c.instancer(t, consulsd.WithGrace(20*time.Second)), nil)
	for n := range 3 {
		c.registrar(t, at(fmt.Sprintf("127.0.0.1:%d", n+1))).Register()
	}
	all := is("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:9")
	w.Sees(t, all)
	w.History()
	c.empty(t)
	discoverytest.Eventually(t, "all have registered again", func() bool {
		_, said := c.do("GET", "/v1/agent/services", "", nil)
		return strings.Count(said, "muxkit-registrar") == 3
	})
	w.Sees(t, all)
	w.Sees(t, is("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")) // nobody has registered the other again, and its time is over
	for _, list := range w.History() {
		if list != all && list != is("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3") {
			t.Errorf("the list was %q meanwhile", list)
		}
	}
}

// A Consul that answers nothing, be it frozen or cut off: that is told, nothing hangs, and nothing is forgotten.
func TestConsulThatIsOfNoUse(t *testing.T) {
	bounded.Long(t)
	for name, trouble := range map[string]struct {
		begin, end func(t *testing.T, c *consul)
		want       string
	}{
		"cut off": {func(_ *testing.T, c *consul) { c.proxy.Cut() }, func(_ *testing.T, c *consul) { c.proxy.Heal() }, "no answer"},
		"frozen":  {func(_ *testing.T, c *consul) { c.freeze() }, func(_ *testing.T, c *consul) { c.thaw() }, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			c := startConsul(t, nil)
			i := c.instancer(t)
			w := discoverytest.Watch(t, i, nil)
			r := c.registrar(t, at("127.0.0.1:1"))
			r.Register()
			w.Sees(t, is("127.0.0.1:1"))
			trouble.begin(t, c)
			w.Fails(t, is("127.0.0.1:1"), trouble.want)
			discoverytest.Eventually(t, "the Registrar says so", func() bool { return r.Err() != nil })
			late := c.registrar(t, at("127.0.0.1:7"))
			bounded.Wait(t, late.Register)
			if late.Err() == nil {
				t.Error("registered with nobody")
			}
			bounded.Wait(t, late.Deregister)
			other := c.instancer(t)
			bounded.Wait(t, other.Stop)
			trouble.end(t, c)
			w.Sees(t, is("127.0.0.1:1"))
			discoverytest.Eventually(t, "the Registrar is well", func() bool { return r.Err() == nil })
			bounded.Wait(t, i.Stop)
		})
	}
}
