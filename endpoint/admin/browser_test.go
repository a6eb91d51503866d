//go:build browser

package admin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/admin"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// three are nodes under load, and a page of them.
type three struct {
	nodes   []*shopService
	set     *muxendpoint.Set
	changes chan breaker.Change
	direct  func(context.Context, any) (any, error) // of the node 0
	page    func(options ...admin.Option) string    // its address
}

func newThree(t *testing.T) *three {
	t.Helper()
	w := &three{nodes: []*shopService{serveShop(t, "127.0.0.1:0"), serveShop(t, "127.0.0.1:0"), serveShop(t, "127.0.0.1:0")}, changes: make(chan breaker.Change, 1000)}
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	group := breaker.NewGroup(breaker.WithEjectionTime(30*time.Second, time.Minute))
	t.Cleanup(group.Close)
	t.Cleanup(group.Watch(pool))
	client := func(n transport.Node) *transport.Client {
		return transport.NewClient(pool, n, native.Protocol{}, "Where", transport.EncodeBytes, transport.DecodeBytes)
	}
	w.direct = client(transport.Node{Network: "tcp", Address: w.nodes[0].address}).Endpoint()
	w.set = muxendpoint.NewSet(sd.FixedInstancer{w.nodes[0].address, w.nodes[1].address, w.nodes[2].address}, nil,
		muxendpoint.WithService("stock"), muxendpoint.WithBreakers(group), muxendpoint.WithRetry(3, time.Minute))
	t.Cleanup(w.set.Close)
	where := w.set.Endpoint("Where", client, muxendpoint.WithIdempotent(muxendpoint.Always))
	w.page = func(options ...admin.Option) string {
		h, err := admin.New(append(options, admin.WithSet(w.set), admin.WithBreakers("", group), admin.WithPool("", pool), admin.WithService("shop", w.nodes[1].Service))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.Close)
		t.Cleanup(group.Subscribe(func(ch breaker.Change) { w.changes <- ch })) // after the page has heard of it
		mux := http.NewServeMux()
		mux.Handle("/debug/mux", h)
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		return server.URL + "/debug/mux"
	}
	ctx, cancel := context.WithCancel(context.Background())
	var load sync.WaitGroup
	t.Cleanup(func() { cancel(); bounded.Wait(t, load.Wait) })
	for range 4 {
		load.Go(func() {
			for tick := time.NewTicker(10 * time.Millisecond); ; {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if _, err := where(ctx, []byte{}); err != nil && ctx.Err() == nil {
					t.Errorf("a call under load: %v", err)
				}
			}
		})
	}
	return w
}

// until waits until the breaker of a node, as a whole, is in a state.
func (w *three) until(t *testing.T, node string, state breaker.State) {
	t.Helper()
	for {
		if ch := bounded.Receive(t, w.changes); ch.Node.Address == node && ch.Method == "" && ch.To == state {
			return
		}
	}
}

// Somebody at night sees which node is out, why, and when it returns, in a window of 480 pixels
// as of 1280, in light and dark colours, and that it is back.
func TestBrowserShowsAKill(t *testing.T) {
	b, w := newBrowser(t), newThree(t)
	url, dies := w.page(), w.nodes[0].address
	if _, err := w.direct(t.Context(), []byte{}); err != nil {
		t.Fatal(err)
	}
	if before := b.look(url, "before"); len(before.Alarms) > 0 || len(before.Well) != 1 || !regexp.MustCompile(`\d/s, p50 \S+ (µs|ms), p99 `).MatchString(before.Text) {
		t.Errorf("before the kill: %q, %q\n%s", before.Alarms, before.Well, before.Text)
	}
	w.nodes[0].kill()
	w.until(t, dies, breaker.Open)
	during := b.look(url, "during")
	sentence := regexp.MustCompile(`^tcp://` + regexp.QuoteMeta(dies) + ` of Set stock is out\. [A-Z].*: .*\. It is tried again in \S+, at \d\d:\d\d:\d\d\.$`)
	if len(during.Alarms) != 1 || !sentence.MatchString(during.Alarms[0]) || len(during.Well) > 0 {
		t.Errorf("during the kill: %q, %q", during.Alarms, during.Well)
	}
	serveShop(t, dies)
	for w.answers(t) != dies {
	}
	w.until(t, dies, breaker.Closed)
	if after := b.look(url, "after"); len(after.Alarms) > 0 || len(after.Well) != 1 || !strings.Contains(after.Text, "open to closed") {
		t.Errorf("after the kill: %q, %q", after.Alarms, after.Well)
	}
	if a := b.order(map[string]any{"order": "refreshed", "url": url + "?refresh=1"}); a.Loads != 2 {
		t.Errorf("the page came %d times", a.Loads)
	}
}

// answers calls the node 0, and returns who answers; "" for nobody.
func (w *three) answers(t *testing.T) string {
	answer, err := w.direct(t.Context(), []byte{})
	if err != nil {
		return ""
	}
	return string(answer.([]byte))
}

// Forms act, without scripts, from a name for which browsers tell no Sec-Fetch-Site as well, and
// from no other site.
func TestBrowserActs(t *testing.T) {
	b, w := newBrowser(t), newThree(t)
	local := w.page(admin.WithActions(nil))
	named := strings.Replace(local, "127.0.0.1", "admin.test", 1)
	node := func(i int) string { return "tcp://" + w.nodes[i].address }
	act := func(url, part string, i int, button, alarm string) {
		t.Helper()
		a := b.order(map[string]any{"order": "act", "url": url, "part": part, "node": node(i), "button": button, "name": strings.ReplaceAll("act "+part, " ", "-")})
		if a.Asks != 0 || a.Status != 303 || a.URL != url+"?" || len(a.Orders) == 0 || !strings.Contains(a.Orders[0], " "+node(i)+" of ") {
			t.Errorf("%s %s: asks %d, %d, %s, %q", button, node(i), a.Asks, a.Status, a.URL, a.Orders)
		}
		if all := strings.Join(a.Alarms, "\n"); alarm == "" && len(a.Alarms) > 0 || !strings.Contains(all, alarm) {
			t.Errorf("after %s: %q, want %q", button, all, alarm)
		}
	}
	act(local, "Breakers", 0, "Trip", node(0)+" of Set stock is out. Tripped by an operator at 127.0.0.1 since ")
	act(named, "Breakers", 0, "Reset", "")
	act(named, "Breakers", 0, "Force open", "Held open by an operator at 127.0.0.1 since ")
	act(local, "Breakers", 0, "End force open", "")
	act(named, "Set stock", 1, "Drain", node(1)+" of Set stock is out. Drained by an operator at 127.0.0.1 since ")
	act(local, "Set stock", 0, "Drain", node(0))
	b.look(local, "drained")
	last := map[string]any{"order": "act", "url": local, "part": "Set stock", "node": node(2), "button": "Drain", "name": "act-last"}
	if a := b.order(last); a.Asks != 1 || a.Status != 409 {
		t.Errorf("the last node: asks %d, %d", a.Asks, a.Status)
	}
	act(local, "Set stock", 1, "End drain", node(0))
	act(local, "Set stock", 0, "End drain", "")

	refused := func(site, target string, status int) {
		t.Helper()
		body := fmt.Sprintf(`<form method=post action="%s"><input name=node value="%s"><button name=action value=trip>win</button></form>`, target, node(0))
		evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, body)
		}))
		defer evil.Close()
		if a := b.order(map[string]any{"order": "send", "url": strings.Replace(evil.URL, "127.0.0.1", site, 1)}); a.Status != status {
			t.Errorf("%s to %s: %d, want %d", site, target, a.Status, status)
		}
	}
	refused("127.0.0.1", local, 403) // another port
	refused("evil.test", local, 403)
	refused("evil.test", named, 403)
	refused("evil.test", w.page(), 405) // without WithActions
	if st := w.set.Stats(); len(st.Drains) > 0 || st.Nodes[0].Open != nil {
		t.Errorf("what was refused was done: %+v", st)
	}
	b.look(local, "acts")
}
