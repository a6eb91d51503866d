//go:build linux

package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/endpoint/kubesd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// An API server that was restarted remembers no changes, and would say 410 to a watch that goes on where it was: a look finds out that nothing was
// missed, and where to go on.
func TestAnAPIServerThatIsRestarted(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	g := newGateway(t, c, "300")
	c.slice(t, "stock-1", at("10.9.0.1"))
	i := a.follow(t, g.url)
	w := discoverytest.Watch(t, i, address)
	w.Sees(t, withPort("10.9.0.1"))
	c.sliceOf(t, "other-1", "other", at("10.9.200.1"))
	c.kill()
	c.start(t)
	discoverytest.Eventually(t, "it goes on", func() bool {
		i.Refresh() // as a Set does that finds no node
		_, err := w.Now()
		return err == nil
	})
	c.slice(t, "stock-1", at("10.9.0.1"), at("10.9.0.2"))
	w.Sees(t, withPort("10.9.0.1", "10.9.0.2"))
	if lists, versions := g.seen(); lists != 1 {
		t.Errorf("there were %d lists, and watches from %v", lists, versions)
	}
	if h := slices.Compact(w.History()); len(h) != 2 {
		t.Errorf("it told %q", h)
	}
}

// The etcd behind the API server is emptied, and counts from the beginning: what is written then is told, and what is missing is named for a while.
func TestAnAPIServerThatHasLostItsData(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	for n := range 300 { // so that it does not come as far again
		c.slice(t, "stock-1", at("10.9.0.1", fmt.Sprint("zone-", n)))
	}
	c.slice(t, "stock-2", at("10.9.0.2"))
	var said discoverytest.Logger
	i := a.follow(t, "https://"+c.proxy.Address, kubesd.WithGrace(20*time.Second), kubesd.WithLogger(&said))
	w := discoverytest.Watch(t, i, address)
	w.Sees(t, withPort("10.9.0.1", "10.9.0.2"))
	w.History()
	c.proxy.Cut()
	c.proxy.Reset()
	c.kill()
	c.etcd.empty(t)
	c.start(t)
	c.apply(t, "/api/v1/namespaces/shop", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "shop"}})
	again := newAccount(t, c)
	a.write(t, "token", again.token(t, "")) // of an account of the same name
	c.slice(t, "stock-2", at("10.9.0.2"))
	c.proxy.Heal()
	discoverytest.Eventually(t, "it is found out", func() bool {
		i.Refresh() // as a Set does that finds no node
		return len(said.Lines("has lost its data")) == 1
	})
	c.slice(t, "stock-3", at("10.9.0.3"))
	w.Sees(t, withPort("10.9.0.1", "10.9.0.2", "10.9.0.3"))
	w.Sees(t, withPort("10.9.0.2", "10.9.0.3")) // nobody has written the first again, and its time is over
	for _, list := range w.History() {
		if !strings.Contains(list, "10.9.0.2") {
			t.Errorf("the list was %q meanwhile", list)
		}
	}
}
