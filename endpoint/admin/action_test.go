package admin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
)

// desk is a Set of nodes a and b, its breakers, and a page that acts on them.
type desk struct {
	*testing.T
	set   *muxendpoint.Set
	group *breaker.Group
	page  *Handler
	lines []string // of the log
}

func newDesk(t *testing.T, options ...Option) *desk {
	t.Helper()
	d := &desk{T: t, group: breaker.NewGroup()}
	t.Cleanup(d.group.Close)
	d.set = muxendpoint.NewSet(sd.FixedInstancer{nodeA.Address, nodeB.Address}, nil, muxendpoint.WithService("stock"), muxendpoint.WithBreakers(d.group))
	t.Cleanup(d.set.Close)
	d.set.EndpointFrom("Get", func(string) (endpoint.Endpoint, io.Closer, error) { return endpoint.Nop, nil, nil })
	logger := log.LoggerFunc(func(keyvals ...any) error {
		d.lines = append(d.lines, fmt.Sprint(keyvals...))
		return nil
	})
	d.page = newHandler(t, append([]Option{WithSet(d.set), WithBreakers("", d.group), WithActions(logger)}, options...)...)
	return d
}

// post sends a form as a browser does that shows the page.
func (d *desk) post(form string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://shop.test/", strings.NewReader(form))
	r.RemoteAddr = "10.0.0.9:4711"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://shop.test")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	d.page.ServeHTTP(w, r)
	return w
}

// do expects an action to be done, and the page to say something then.
func (d *desk) do(form, says string) {
	d.Helper()
	if w := d.post(form, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "?" || !strings.HasPrefix(w.Body.String(), "done: ") {
		d.Errorf("%s: %d, %s", form, w.Code, w.Body)
	}
	if _, page := ask(d.T, d.page, "GET", "/?format=text", ""); !strings.Contains(page, says) {
		d.Errorf("after %s there is no %q in\n%s", form, says, page)
	}
}

// state is a's: of its breaker, and whether it is drained.
func (d *desk) state() string {
	st, _ := d.group.StatusOf(nodeA)
	return fmt.Sprint(st.State, ", ", st.Mode, ", ", len(d.set.Stats().Drains))
}

func form(action, name string, n muxpool.Node) string {
	return url.Values{"action": {action}, "name": {name}, "node": {n.String()}}.Encode()
}

// Each action does what it says, and the page, the events and the log tell who asked.
func TestActions(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ action, name, says, state string }{
		{"trip", "", "tcp://a:1 of Set stock is out. Tripped by an operator at 10.0.0.9 since ", "open, auto, 0"},
		{"reset", "", "All is well", "closed, auto, 0"},
		{"force-open", "", "Held open by an operator at 10.0.0.9 since ", "open, forced open, 0"},
		{"enable", "", "All is well", "closed, auto, 0"},
		{"force-open", "", "It returns when an operator ends it.", "open, forced open, 0"},
		{"reset", "", "An operator at 10.0.0.9 reset tcp://a:1 of breakers, ", "closed, auto, 0"},
		{"drain", "stock", "tcp://a:1 of Set stock is out. Drained by an operator at 10.0.0.9 since ", "closed, auto, 1"},
		{"undrain", "stock", "All is well", "closed, auto, 0"},
	} {
		d.do(form(c.action, c.name, nodeA), c.says)
		if got := d.state(); got != c.state {
			t.Errorf("after %s: %s, want %s", c.action, got, c.state)
		}
	}
	if len(d.lines) != 8 {
		t.Errorf("log %q, want 8 lines", d.lines)
	}
	for i, line := range d.lines {
		if action := []string{"trip", "reset", "force-open", "enable", "force-open", "reset", "drain", "undrain"}[i%8]; !strings.Contains(line, "an operator has acted") ||
			!strings.Contains(line, action) || !strings.Contains(line, "tcp://a:1") || !strings.Contains(line, "10.0.0.9") {
			t.Errorf("line %d, of %s, is %q", i, action, line)
		}
	}
	events := d.page.events.told().Events
	found := 0
	for _, e := range events {
		if e.By == "10.0.0.9" && e.Node == "tcp://a:1" {
			found += e.Count
		}
	}
	if found != 8 {
		t.Errorf("%d events of the operator's in %+v", found, events)
	}
}

// What is not a sound order of the page's own is refused, and changes nothing.
func TestActionsRefused(t *testing.T) {
	d := newDesk(t)
	trip := form("trip", "", nodeA)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		what, form string
		change     func(*http.Request)
		status     int
		says       string
	}{
		{"another origin", trip, header("Origin", "http://evil.test"), 403, "the page itself"},
		{"another port", trip, header("Origin", "http://shop.test:81"), 403, ""},
		{"an origin that is hidden", trip, header("Origin", "null"), 403, ""},
		{"another site", trip, header("Sec-Fetch-Site", "cross-site"), 403, ""},
		{"a sibling", trip, header("Sec-Fetch-Site", "same-site"), 403, ""},
		{"JSON", trip, header("Content-Type", "application/json"), 415, ""},
		{"no type", trip, func(r *http.Request) { r.Header.Del("Content-Type") }, 415, ""},
		{"in the query", "", func(r *http.Request) { r.URL.RawQuery = trip }, 400, "in the body"},
		{"a path below", trip, func(r *http.Request) { r.URL.Path = "/x" }, 404, ""},
		{"PUT", trip, func(r *http.Request) { r.Method = "PUT" }, 405, ""},
		{"nothing", "", nil, 400, "names an action"},
		{"no node", "action=trip&name=", nil, 400, ""},
		{"no action", "node=tcp://a:1", nil, 400, ""},
		{"an unknown action", "action=%3Cscript%3E&node=x", nil, 400, `"<script>"`},
		{"an unknown field", trip + "&x%0A=1", nil, 400, `no "x\n"`},
		{"twice", trip + "&action=reset", nil, 400, "2 times"},
		{"not anyway", trip + "&anyway=1", nil, 400, "anyway is yes"},
		{"broken", "a=%zz", nil, 400, "cannot be read"},
		{"too long", trip + "&x=" + strings.Repeat("x", maxForm), nil, 413, ""},
		{"an unknown group", form("trip", "other", nodeA), nil, 404, `no "breakers other"`},
		{"an unknown Set", form("drain", "stick", nodeA), nil, 404, ""},
		{"an unknown node", form("trip", "", muxpool.Node{Network: "tcp", Address: "c:1"}), nil, 404, `"breakers" has no node "tcp://c:1", or it has gone`},
		{"an unknown node of a Set", form("drain", "stock", muxpool.Node{Network: "tcp", Address: "c:1"}), nil, 404, "has gone"},
		{"a hostile node", "action=trip&node=" + url.QueryEscape("<script>\u202e\n"+strings.Repeat("x", 5000)), nil, 404, `"<script>\u202e\n`},
		{"what is not drained", form("undrain", "stock", nodeA), nil, 409, `"tcp://a:1 of Set stock" is not drained`},
	} {
		w := d.post(c.form, c.change)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || w.Body.Len() > 1500 {
			t.Errorf("%s: %d, %.300s; want %d, %q", c.what, w.Code, w.Body, c.status, c.says)
		}
		if got := w.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s", c.what, got)
		}
		if allow := w.Header().Get("Allow"); (c.status == 405) != (allow == "GET, HEAD, POST") {
			t.Errorf("%s: Allow is %q", c.what, allow)
		}
	}
	if got := d.state(); got != "closed, auto, 0" || len(d.lines) > 0 || len(d.page.events.told().Events) > 0 {
		t.Errorf("what was refused was done: %s, %q", got, d.lines)
	}
	d.do(trip, "Tripped") // without Origin, as from a script
}

// Without the option there is neither POST nor a page of a node.
func TestNoActionsWithoutTheOption(t *testing.T) {
	d := newDesk(t)
	d.page = newHandler(t, WithSet(d.set), WithBreakers("", d.group))
	if w := d.post(form("trip", "", nodeA), nil); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" || d.state() != "closed, auto, 0" {
		t.Errorf("%d, %s, then %s", w.Code, w.Body, d.state())
	}
	if resp, body := ask(t, d.page, "GET", "/?act=breakers&name=&node=tcp://a:1", ""); resp.StatusCode != 400 {
		t.Errorf("%v, %s", resp.Status, body)
	}
	if _, body := ask(t, d.page, "GET", "/", ""); strings.Contains(body, "act=") || strings.Contains(body, "<form") {
		t.Errorf("something to act with in\n%s", body)
	}
}

// Each row links the page of its node, which has the forms.
func TestPageOfANode(t *testing.T) {
	d := newDesk(t)
	_, page := ask(t, d.page, "GET", "/", "")
	for _, href := range []string{"?act=breakers&amp;name=&amp;node=tcp%3A%2F%2Fa%3A1", "?act=set&amp;name=stock&amp;node=tcp%3A%2F%2Fa%3A1"} {
		if !strings.Contains(page, `href="`+href+`"`) {
			t.Fatalf("no link %s in\n%s", href, page)
		}
	}
	resp, body := ask(t, d.page, "GET", "/?act=set&name=stock&node=tcp%3A%2F%2Fa%3A1", "")
	for _, want := range []string{`<form method="post" action="?">`, `name="node" value="tcp://a:1"`, `value="drain"`, `value="undrain"`, "takes calls"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if got := resp.Header.Get("Content-Security-Policy"); got != policy(true) || !strings.Contains(got, "form-action 'self'") || strings.Contains(body, "trip") {
		t.Errorf("policy %s of\n%s", got, body)
	}
	if _, body := ask(t, d.page, "GET", "/?act=set&name=stock&node=tcp%3A%2F%2Fb%3A1", ""); !strings.Contains(body, "takes calls") {
		t.Errorf("the page of the second node says nothing of it:\n%s", body)
	}
	for target, status := range map[string]int{
		"/?act=pool&node=x": 400, "/?node=x": 400, "/?act=set&name=stock&node=tcp://c:1": 404, "/?act=set&name=x&node=tcp://a:1": 404,
		"/?act=set&name=stock&node=tcp://a:1&format=json": 400, "/?act=set&act=set": 400,
		"/?act=set&name=stock&node=" + url.QueryEscape(strings.Repeat("<", 9000)): 404,
	} {
		if resp, body := ask(t, d.page, "GET", target, ""); resp.StatusCode != status || len(body) > 1500 {
			t.Errorf("%.80s: %v, %.200s", target, resp.Status, body)
		}
	}
}

// Who would leave a Set without a node is asked first.
func TestLastNodeIsAskedFor(t *testing.T) {
	d := newDesk(t)
	d.do(form("drain", "stock", nodeB), "tcp://b:1 of Set stock is out. Drained")
	for _, last := range []string{form("drain", "stock", nodeA), form("trip", "", nodeA), form("force-open", "", nodeA)} {
		if w := d.post(last, nil); w.Code != 409 || !strings.Contains(w.Body.String(), "no other node of Set stock takes calls") {
			t.Errorf("%s: %d, %s", last, w.Code, w.Body)
		}
	}
	if _, body := ask(t, d.page, "GET", "/?act=set&name=stock&node=tcp://a:1", ""); strings.Count(body, "No other node of Set stock takes calls") != 1 {
		t.Errorf("the page of the last node asks nothing:\n%s", body)
	}
	d.do(form("drain", "stock", nodeA)+"&anyway=yes", "! No node of Set stock takes calls.")
	d.do(form("undrain", "stock", nodeB), "tcp://a:1 of Set stock is out")
	if got := d.state(); got != "closed, auto, 1" {
		t.Errorf("a is %s", got)
	}
}

// Of several Sets the one is asked about that is left without a node.
func TestLastNodeOfAnotherSetIsAskedFor(t *testing.T) {
	other := muxendpoint.NewSet(sd.FixedInstancer{nodeA.Address}, nil, muxendpoint.WithService("other"))
	defer other.Close()
	d := newDesk(t, WithSet(other))
	if w := d.post(form("drain", "other", nodeA), nil); w.Code != 409 || !strings.Contains(w.Body.String(), "no other node of Set other takes calls") {
		t.Errorf("%d, %s", w.Code, w.Body)
	}
	d.do(form("drain", "stock", nodeA), "tcp://a:1 of Set stock is out. Drained") // which has b
}

// Sets of one name are acted on as one: it is enough that one of them has something to do.
func TestSetsOfOneName(t *testing.T) {
	other := muxendpoint.NewSet(sd.FixedInstancer{nodeA.Address, nodeB.Address}, nil, muxendpoint.WithService("stock"))
	defer other.Close()
	d := newDesk(t, WithSet(other))
	for _, s := range []*muxendpoint.Set{d.set, other} {
		if err := s.Drain(nodeA, nil); err != nil {
			t.Fatal(err)
		}
		d.do(form("undrain", "stock", nodeA), "All is well")
	}
	d.do(form("drain", "stock", nodeA), "tcp://a:1 of Set stock is out. Drained")
	if here, there := len(d.set.Stats().Drains), len(other.Stats().Drains); here != 1 || there != 1 {
		t.Errorf("drained are %d in the one, %d in the other", here, there)
	}
}

// Two nodes that look the same are not taken for each other.
func TestNodesThatLookTheSame(t *testing.T) {
	d := newDesk(t)
	long := strings.Repeat("x", 2*maxText)
	for _, end := range []string{"1", "2"} {
		defer d.group.Hold(muxpool.Node{Network: "tcp", Address: long + end})()
	}
	shown := clean("tcp://" + long)
	if w := d.post(url.Values{"action": {"trip"}, "node": {shown}}.Encode(), nil); w.Code != 409 || !strings.Contains(w.Body.String(), "several nodes") {
		t.Errorf("%d, %s", w.Code, w.Body)
	}
}

// Every reason for which something is out is a sentence, with its cause.
func TestEveryReasonIsASentence(t *testing.T) {
	for r := breaker.ReasonNone + 1; !strings.HasPrefix(r.String(), "unknown"); r++ {
		said := sentence(r, errors.New("boom"))
		if sentences[r] == "" || !strings.HasSuffix(said, ": boom.") || said[0] < 'A' || said[0] > 'Z' {
			t.Errorf("%v: %q", r, said)
		}
	}
	if got, want := sentence(breaker.ReasonNone, nil), breaker.ReasonNone.String()+"."; got != want || got == "." {
		t.Errorf("a reason that has no sentence is %q, want %q", got, want)
	}
	if got := sentence(breaker.ReasonForcedOpen, &order{"x", time.Unix(0, 0)}); got != "Held open by an operator at x since 1970-01-01 00:00:00." {
		t.Errorf("%q", got)
	}
}
