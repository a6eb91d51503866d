//go:build linux

package interop

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/kubesd"
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// serveHTTP serves until the test ends, and returns the address.
func serveHTTP(t *testing.T, h http.Handler) string {
	t.Helper()
	return "http://" + peertest.Serve(t, &http.Server{Handler: h}, host+":0", http.ErrServerClosed)
}

// some are n addresses of pods, from the first on.
func some(first, n int) (all []string) {
	for i := first; i < first+n; i++ {
		all = append(all, fmt.Sprintf("10.9.%d.%d", 1+i/200, 1+i%200))
	}
	return all
}

func allAt(addresses []string) (all []endpoint) {
	for _, a := range addresses {
		all = append(all, at(a))
	}
	return all
}

func sorted(addresses ...[]string) string {
	words := strings.Fields(withPort(slices.Concat(addresses...)...))
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}

// A service in several slices, as they are made, changed and taken away, by a service account that may do what the document says: who is
// ready is named, or else who still serves; for this zone, if all say so.
func TestSlicesOfAService(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	i := a.follow(t, "https://"+c.address, kubesd.WithZone("north"))
	w := discoverytest.Watch(t, i, address)
	w.Fails(t, "", "it has no EndpointSlice")
	c.sliceOf(t, "other-1", "other", at("10.9.200.1"))
	first, second, third := some(0, 100), some(100, 100), some(200, 50)
	c.slice(t, "stock-1", allAt(first)...)
	w.Sees(t, sorted(first))
	c.slice(t, "stock-2", allAt(second)...)
	c.slice(t, "stock-3", allAt(third)...)
	w.Sees(t, sorted(first, second, third))
	c.slice(t, "stock-3", allAt(append(third, first[0]))...) // it moves from one to another
	c.slice(t, "stock-1", allAt(first[1:])...)
	w.Sees(t, sorted(first, second, third))
	c.delete(t, slicesPath+"/stock-2")
	c.delete(t, slicesPath+"/stock-3")
	w.Sees(t, sorted(first[1:]))

	is := func(address string, ready, serving, terminating bool) endpoint {
		return endpoint{Addresses: []string{address}, Conditions: conditions(ready, serving, terminating)}
	}
	c.slice(t, "stock-1", at("10.9.0.1"), is("10.9.0.2", false, false, false), is("10.9.0.3", false, true, true), endpoint{Addresses: []string{"10.9.0.4"}})
	w.Sees(t, withPort("10.9.0.1", "10.9.0.4"))
	c.slice(t, "stock-1", is("10.9.0.1", false, true, true), is("10.9.0.2", false, false, true), endpoint{Addresses: []string{"10.9.0.3"}, Conditions: map[string]bool{"ready": false, "terminating": true}})
	w.Sees(t, withPort("10.9.0.1", "10.9.0.3"))
	c.slice(t, "stock-1", at("10.9.0.1", "north"), at("10.9.0.2", "south"))
	w.Sees(t, withPort("10.9.0.1"))
	c.slice(t, "stock-1", at("10.9.0.1", "north"), at("10.9.0.2", "south"), at("10.9.0.3"))
	w.Sees(t, withPort("10.9.0.1", "10.9.0.2", "10.9.0.3"))
	c.slice(t, "stock-6", at("fd00::1"))
	six := discoverytest.Watch(t, a.follow(t, "https://"+c.address, kubesd.WithFamily("IPv6")), address)
	six.Sees(t, withPort("fd00::1"))
	c.slice(t, "stock-1")
	c.delete(t, slicesPath+"/stock-1")
	w.Sees(t, withPort("fd00::1")) // there is no other family left
	c.delete(t, slicesPath+"/stock-6")
	w.Sees(t, "")

	whole := endpoint{Addresses: []string{"10.9.0.1"}, Conditions: conditions(true, true, false), NodeName: "worker-1", Zone: "south"}
	c.slice(t, "stock-1", whole)
	all := discoverytest.Watch(t, a.follow(t, "https://"+c.address), muxendpoint.Instance.String)
	all.Sees(t, `{"address":"10.9.0.1:8080","zone":"south","labels":{"node":"worker-1"}}`)
}

// More slices than one answer has.
func TestSlicesInPages(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	var want []string
	for n := range 120 {
		addresses := some(3*n, 3)
		c.slice(t, fmt.Sprintf("stock-%d", n), allAt(addresses)...)
		want = append(want, addresses...)
	}
	g := newGateway(t, c, "60")
	w := discoverytest.Watch(t, a.follow(t, g.url), address)
	w.Sees(t, sorted(want))
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.lists) != 2 || g.lists[1].Get("continue") == "" {
		t.Errorf("the lists were %v", g.lists)
	}
}

// A watch ends when its time is over, and the next one begins where a look says, also where only others' slices have changed
// meanwhile: nothing is listed again.
func TestWatchesThatEnd(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	g := newGateway(t, c, "4") // a bookmark comes two seconds before the end
	c.slice(t, "stock-1", at("10.9.0.1"))
	w := discoverytest.Watch(t, a.follow(t, g.url), address)
	w.Sees(t, withPort("10.9.0.1"))
	for n := range 3 {
		c.sliceOf(t, "other-1", "other", at(fmt.Sprintf("10.9.200.%d", n)))
		g.watches(t, 1)
	}
	lists, versions := g.seen()
	if slices.Sort(versions); lists != 1 || versions[0] == versions[len(versions)-1] {
		t.Errorf("there were %d lists, and watches from %v", lists, versions)
	}
	c.slice(t, "stock-1", at("10.9.0.2"))
	w.Sees(t, withPort("10.9.0.2"))
	g.watches(t, 1)
	if lists, versions := g.seen(); lists != 1 {
		t.Errorf("there were %d lists, and watches from %v", lists, versions)
	}
	if h := slices.Compact(w.History()); len(h) != 2 {
		t.Errorf("it told %q", h)
	}
}

// The place of a watch is compacted away while kubesd cannot reach the API server, and the API server does not know it any more.
func TestAWatchIsResumedAfterCompaction(t *testing.T) {
	for _, flag := range []string{"--watch-cache=true", "--watch-cache=false"} {
		t.Run(flag, func(t *testing.T) {
			c := startCluster(t, flag)
			a := newAccount(t, c)
			c.slice(t, "stock-1", at("10.9.0.1"))
			c.slice(t, "stock-2", at("10.9.0.2"))
			w := discoverytest.Watch(t, a.follow(t, "https://"+c.proxy.Address), address)
			before := withPort("10.9.0.1", "10.9.0.2")
			w.Sees(t, before)
			w.History()
			c.proxy.Cut()
			c.proxy.Reset()
			c.delete(t, slicesPath+"/stock-1")
			c.slice(t, "stock-3", at("10.9.0.3"))
			c.etcd.compact(t)
			c.kill() // what it has in memory would do
			c.start(t)
			c.proxy.Heal()
			w.Sees(t, withPort("10.9.0.2", "10.9.0.3"))
			if h := slices.Compact(w.History()); len(h) != 1 && (len(h) != 2 || h[0] != before) {
				t.Errorf("it told %q", h)
			}
			c.slice(t, "stock-4", at("10.9.0.4"))
			w.Sees(t, withPort("10.9.0.2", "10.9.0.3", "10.9.0.4"))
		})
	}
}

// A token is over, is withdrawn, and is replaced; what the account may do is taken from it, and given back. The list stands.
func TestCredentials(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	g := newGateway(t, c, "2")
	const binding = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/orders-follow-services"
	var bound object
	for _, o := range documented(t, "discovery.md") {
		if o.path == binding {
			bound = o
		}
	}
	c.slice(t, "stock-1", at("10.9.0.1"))
	c.delete(t, binding)
	i := a.follow(t, g.url)
	w := discoverytest.Watch(t, i, address)
	w.Fails(t, "", "403 Forbidden: endpointslices.discovery.k8s.io is forbidden")
	list := withPort("10.9.0.1")
	back := func() {
		t.Helper()
		discoverytest.Eventually(t, "it goes on", func() bool {
			i.Refresh() // as a Set does that finds no node
			_, err := w.Now()
			return err == nil
		})
		w.Sees(t, list)
	}
	c.apply(t, bound.path, bound.object)
	back()

	a.write(t, "token", a.shortLived(t, time.Second-time.Minute)) // the API server has a minute of patience with clocks
	w.Fails(t, list, "401 Unauthorized")
	a.write(t, "token", a.token(t, "one"))
	back()
	c.delete(t, "/api/v1/namespaces/shop/secrets/one")
	w.Fails(t, list, "401 Unauthorized")
	a.write(t, "token", a.token(t, ""))
	back()
	c.delete(t, binding)
	w.Fails(t, list, "403 Forbidden")
	c.apply(t, bound.path, bound.object)
	back()

	c.slice(t, "stock-1", at("10.9.0.1"), at("10.9.0.2"))
	w.Sees(t, withPort("10.9.0.1", "10.9.0.2"))
	w.History()
	a.write(t, "token", a.token(t, "two")) // one that is replaced in time is not noticed
	g.watches(t, 2)
	_, err := w.Now()
	if h := w.History(); len(slices.Compact(h)) > 1 || err != nil {
		t.Errorf("it told %q, %v", h, err)
	}
}

// A token that is withdrawn ends no watch that has begun: what it tells is believed, and the next request is refused.
func TestAWatchOutlivesItsToken(t *testing.T) {
	c := startCluster(t)
	a := newAccount(t, c)
	token := a.token(t, "one")
	a.write(t, "token", token)
	c.slice(t, "stock-1", at("10.9.0.1"))
	w := discoverytest.Watch(t, a.follow(t, "https://"+c.proxy.Address), address)
	w.Sees(t, withPort("10.9.0.1"))
	c.delete(t, "/api/v1/namespaces/shop/secrets/one")
	discoverytest.Eventually(t, "the token is refused", func() bool {
		code, _ := c.askAs(t, token, http.MethodGet, slicesPath, "", nil)
		return code == http.StatusUnauthorized
	})
	c.slice(t, "stock-1", at("10.9.0.1"), at("10.9.0.2"))
	w.Sees(t, withPort("10.9.0.1", "10.9.0.2"))
	if errs := w.Errors(); len(errs) != 0 {
		t.Errorf("it told %v", errs)
	}
	c.proxy.Reset()
	w.Fails(t, withPort("10.9.0.1", "10.9.0.2"), "401 Unauthorized")
}
