package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/auth/jwt"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// takes is the own part of a call of each service in a street.
const takes = 3 * time.Millisecond

// street is a node of each service, in this process, and their caller.
type street struct {
	dir   string
	nodes map[string]*node
	logs  lockedBuffer
	load  *load
}

func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{dir: t.TempDir(), nodes: map[string]*node{}}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(makeCertificates(s.dir))
	try(replace(filesOf(s.dir, edge).settings, []byte("{}")))
	for _, service := range slices.Backward(services) {
		n, err := start(config{service: service, dir: s.dir, listen: "127.0.0.1:0", ops: "127.0.0.1:0", traces: "memory", takes: takes}, &s.logs)
		try(err)
		t.Cleanup(func() {
			if err := n.close(); err != nil {
				t.Error(err)
			}
		})
		s.nodes[service] = n
		try(replace(nodesOf(s.dir, service), []byte(n.address+"\n")))
	}
	var err error
	s.load, err = newLoad(s.dir, 20*time.Second)
	try(err)
	t.Cleanup(func() {
		if err := s.load.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// call makes a call with a token, and 20 s of time.
func (s *street) call(t *testing.T, name, token, id string) (Answer, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if token != "" {
		ctx = context.WithValue(ctx, jwt.JWTContextKey, token)
	}
	return s.load.methods[name](withRequestID(ctx, id), Request{Item: "tea", Nonce: rand.Text()})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// What a call carries passes both hops: who calls and for whom, the id, the time that is left, the
// trace.
func TestACallPassesBothHops(t *testing.T) {
	s := newStreet(t)
	for _, name := range []string{look, buy} {
		answer, err := s.call(t, name, s.load.token, "id-of-"+name)
		if err != nil {
			t.Fatal(name, err)
		}
		if len(answer.Hops) != len(services) {
			t.Fatalf("%s: %+v", name, answer)
		}
		left := 20 * time.Second
		for i, hop := range answer.Hops {
			if hop.Service != services[i] || hop.Node != s.nodes[services[i]].address || hop.RequestID != "id-of-"+name ||
				hop.Customer != "ann" || hop.Caller != hostOf(before(services[i])) {
				t.Errorf("%s: hop %d: %+v", name, i, hop)
			}
			if hop.Left <= 0 || hop.Left >= left {
				t.Errorf("%s: %s has %v left, and %v was left before", name, hop.Service, hop.Left, left)
			}
			left = hop.Left - takes
		}
	}
	trace := ""
	parents := map[string]bool{}
	for _, service := range services {
		n := s.nodes[service]
		all, span := served(t, n.tracers.ForceFlush, n.spans, service+"."+look)
		if trace == "" {
			trace = span.Trace
		}
		if span.Trace != trace || len(parents) > 0 && !parents[span.Parent] {
			t.Errorf("%s: %+v is not below %v in trace %s", service, span, parents, trace)
		}
		parents = map[string]bool{}
		for _, l := range all {
			parents[l.Span] = true
		}
	}
}

// served are the spans that a node has made, and that of a call that it has answered, behind which it ends.
func served(t *testing.T, flush func(context.Context) error, made *spans, name string) (all []spanLine, served spanLine) {
	t.Helper()
	for range 2000 {
		if err := flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		made.mu.Lock()
		all = slices.Clone(made.last)
		made.mu.Unlock()
		at := slices.IndexFunc(all, func(l spanLine) bool { return l.Name == name && l.Kind == "server" })
		if at >= 0 {
			return all, all[at]
		}
		time.Sleep(5 * time.Millisecond) // no event tells
	}
	t.Fatalf("no span of a call: %+v", all)
	return nil, spanLine{}
}

// What is wrong with a token is told its caller, by the first service that sees it: it is not tried
// again, reaches nobody behind, and puts nobody out.
func TestTokens(t *testing.T) {
	s := newStreet(t)
	key, err := readKey(filepath.Join(s.dir, "customers.key"))
	if err != nil {
		t.Fatal(err)
	}
	_, another, _ := ed25519.GenerateKey(rand.Reader)
	signed := func(token string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	inAnHour := time.Now().Add(time.Hour)
	public, err := readCustomersKey(filesOf(s.dir, shop).customers)
	if err != nil {
		t.Fatal(err)
	}
	payload := func(token string) string { return token[:strings.LastIndex(token, ".")+1] }
	symmetric := jwtlib.NewWithClaims(jwtlib.SigningMethodHS256, jwtlib.RegisteredClaims{Subject: "ann"})
	for name, token := range map[string]string{
		"missing":                         "",
		"expired":                         signed(tokenFor("ann", time.Now().Add(-time.Second), key)),
		"another key":                     signed(tokenFor("ann", inAnHour, another)),
		"the public key as a secret":      signed(symmetric.SignedString([]byte(public.(ed25519.PublicKey)))),
		"no token":                        "x.y.z",
		"a signature of something else":   payload(signed(tokenFor("bob", inAnHour, key))) + s.load.token[len(payload(s.load.token)):],
		"a signature in another alphabet": payload(s.load.token) + "***",
	} {
		_, err := s.call(t, look, token, "id")
		if v := verdict.Of(err); v.Code != verdict.CodeUnauthenticated || v.Whose != verdict.Caller {
			t.Errorf("%s: %v is judged %v", name, err, v)
		}
	}
	if _, err := s.call(t, look, signed(tokenFor("bob", inAnHour, key)), "id"); err != nil {
		t.Errorf("a good token, after bad ones: %v", err)
	}
	if n := s.calls(t, orders); n != 1 {
		t.Errorf("%d calls reached the orders, want that of the good token", n)
	}
	status := s.load.client.breakers.Status()
	if len(status) == 0 {
		t.Error("the breakers know no node")
	}
	for _, st := range status {
		if st.State != breaker.Closed || st.Ejections > 0 {
			t.Errorf("%+v", st)
		}
	}
}

// calls is how many calls a service has run, one at least: a call is counted behind its answer.
func (s *street) calls(t *testing.T, service string) (n uint64) {
	t.Helper()
	for end := time.Now().Add(patience); n == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, m := range s.nodes[service].service.Stats().Methods {
			n += m.OK
			for _, failed := range m.Errors {
				n += failed
			}
		}
	}
	return n
}

// Each service is called by one, whatever token the others have.
func TestOnlyTheServiceBeforeMayCall(t *testing.T) {
	s := newStreet(t)
	nodes, err := followNodes(s.dir, stock)
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Stop()
	c, err := newClient(stock, nodes, filesOf(s.dir, shop), defaults(), s.seen())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), jwt.JWTContextKey, s.load.token), 20*time.Second)
	defer cancel()
	_, err = c.methods(stock)[look](ctx, Request{Item: "tea", Nonce: "n"})
	if v := verdict.Of(err); v.Code != verdict.CodePermissionDenied || !strings.Contains(err.Error(), "only orders.shop.internal may call this") {
		t.Errorf("%v is judged %v", err, v)
	}
}

func (s *street) seen() seen {
	n := s.nodes[shop]
	return seen{n.logger, n.tracers, prommux.NewCalls()}
}

// A call without an id, or with one that would flood logs, gets one at the first service.
func TestRequestIDsAreMade(t *testing.T) {
	s := newStreet(t)
	for _, id := range []string{"", strings.Repeat("x", maxRequestID+1)} {
		answer, err := s.call(t, look, s.load.token, id)
		if err != nil {
			t.Fatal(err)
		}
		made := answer.Hops[0].RequestID
		if len(made) < 20 || made == id || answer.Hops[2].RequestID != made {
			t.Errorf("%.10q: %+v", id, answer.Hops)
		}
	}
}

// A call that fails two hops away is found by its id in the log of who made the call, and in that of
// who called him.
func TestFailuresAreLoggedWithTheirID(t *testing.T) {
	s := newStreet(t)
	if err := s.nodes[stock].sales.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.call(t, buy, s.load.token, "id-of-a-failure"); verdict.Of(err).Code != verdict.CodeUnknown {
		t.Fatalf("the stock cannot write, and the caller hears %v", err)
	}
	if n := s.calls(t, stock); n != 1 {
		t.Errorf("a purchase that may have been made was tried %d times", n)
	}
	for service, method := range map[string]string{shop: "orders.Buy", orders: "stock.Buy"} {
		s.await(t, func(l map[string]any) bool {
			return l["msg"] == "call failed" && l["service"] == service && l["method"] == method &&
				l["request_id"] == "id-of-a-failure" && l["trace_id"] != nil
		})
	}
}

// await waits until a line is logged.
func (s *street) await(t *testing.T, is func(map[string]any) bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(s.logs.String()) {
			var l map[string]any
			if json.Unmarshal([]byte(line), &l) == nil && is(l) {
				return
			}
		}
	}
	t.Fatalf("it was not logged:\n%s", s.logs.String())
}

// Other settings hold for the next call; senseless ones change nothing, and the log names the field.
func TestReload(t *testing.T) {
	s := newStreet(t)
	n := s.nodes[orders]
	works := func() bool {
		_, err := s.call(t, look, s.load.token, "id")
		return err == nil
	}
	set := func(text string) {
		t.Helper()
		if err := replace(n.files.settings, []byte(text)); err != nil {
			t.Fatal(err)
		}
		n.reload()
	}
	if !works() {
		t.Fatal("no call succeeds")
	}
	set(`{"retry": {"timeout": "1ns"}}`)
	if works() {
		t.Error("a call that has 1 ns succeeds")
	}
	set(`{"retry": {"timeout": "0s", "attempts": 11}}`)
	s.await(t, func(l map[string]any) bool {
		text, _ := l["err"].(string)
		return l["level"] == "ERROR" && strings.HasSuffix(text, "settings.json: retry.attempts: 11 is not from 1 to 10")
	})
	if works() {
		t.Error("of senseless settings a part is in force")
	}
	set("{}")
	if !works() {
		t.Error("settings that make sense are not in force")
	}
}

// The ops port has all that operators and their programs ask for.
func TestOps(t *testing.T) {
	s := newStreet(t)
	if _, err := s.call(t, buy, s.load.token, "id"); err != nil {
		t.Fatal(err)
	}
	n := s.nodes[orders]
	s.calls(t, orders) // it is counted
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		n.ops.Handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		body, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(body)
	}
	if err := n.tracers.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/healthz":               "ok",
		"/readyz":                "serving",
		"/metrics":               `muxkit_service_calls_total{code="OK",error_type="",method="orders.Buy"} 1`,
		"/debug/mux?format=text": s.nodes[stock].address,
		"/debug/spans":           `"name":"stock.Buy attempt"`,
	} {
		if code, body := get(path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, and lacks %s:\n%s", path, code, want, body)
		}
	}
	n.service.SetServing("", false)
	if code, _ := get("/readyz"); code != 503 {
		t.Errorf("not ready: %d", code)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("not ready, and alive: %d", code)
	}
}
