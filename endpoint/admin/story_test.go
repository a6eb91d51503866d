package admin_test

import (
	"context"
	"net"
	"net/http/httptest"
	"regexp"
	"runtime"
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
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// shopService answers each call with its address.
type shopService struct {
	*transport.Service
	address string
	kill    func()
}

func serveShop(t *testing.T, address string) *shopService {
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &shopService{Service: transport.NewService(native.Protocol{}), address: l.Addr().String()}
	s.Handle("Where", transport.NewServer(func(context.Context, any) (any, error) { return []byte(s.address), nil }, transport.DecodeBytes, transport.EncodeBytes))
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(l) })
	s.kill = sync.OnceFunc(func() {
		s.Close()
		wg.Wait()
	})
	t.Cleanup(s.kill)
	return s
}

// lineOf is the line of a node in a part of the page's text, "" if it has none.
func lineOf(page, part, node string) string {
	_, rest, _ := strings.Cut(page, "\n\n"+part+"\n")
	section, _, _ := strings.Cut(rest, "\n\n")
	for line := range strings.Lines(section) {
		if strings.Contains(line, "tcp://"+node+" ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// A node is killed and started again: the page says that it is out, why, when it returns, and
// that it is back.
func TestANodeIsKilledAndReturns(t *testing.T) {
	down := muxtest.NewPeer(nil) // which keeps its port for who serves there, and serves there again
	defer down.Close()
	kept, err := down.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	down.Down()
	lives, dies := serveShop(t, "127.0.0.1:0"), serveShop(t, kept)
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	breakers := breaker.NewGroup(breaker.WithEjectionTime(time.Hour, time.Hour))
	defer breakers.Close()
	defer breakers.Watch(pool)()
	client := func(n transport.Node) *transport.Client {
		return transport.NewClient(pool, n, native.Protocol{}, "Where", transport.EncodeBytes, transport.DecodeBytes)
	}
	set := muxendpoint.NewSet(sd.FixedInstancer{lives.address, dies.address}, nil, muxendpoint.WithService("stock"), muxendpoint.WithBreakers(breakers),
		muxendpoint.WithSlowStart(time.Hour))
	defer set.Close()
	where := set.Endpoint("Where", client, muxendpoint.WithIdempotent(muxendpoint.Always))
	handler, err := admin.New(admin.WithSet(set), admin.WithBreakers("", breakers), admin.WithPool("", pool), admin.WithService("lives", lives.Service))
	if err != nil {
		t.Fatal(err)
	}
	defer handler.Close()
	changes := make(chan breaker.Change, 100)
	defer breakers.Subscribe(func(ch breaker.Change) { changes <- ch })() // after the page has heard of it
	page := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/?format=text", nil))
		return w.Body.String()
	}
	call := func(of func(context.Context, any) (any, error), times int) (answers string) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range times {
			answer, err := of(ctx, []byte{})
			if err != nil {
				t.Fatal(err)
			}
			answers = string(answer.([]byte))
		}
		return answers
	}
	expect := func(page, part, node, pattern string) {
		t.Helper()
		if line := lineOf(page, part, node); !regexp.MustCompile(pattern).MatchString(line) {
			t.Errorf("%s, %s: %q is not %s in\n%s", part, node, line, pattern, page)
		}
	}

	tells := func(page, event string) bool {
		return regexp.MustCompile(`\n +\d\d:\d\d:\d\d\.\d{3} .*tcp://` + regexp.QuoteMeta(dies.address) + ` +` + event).MatchString(page)
	}
	happened := func(page, event string) {
		t.Helper()
		if !tells(page, event) {
			t.Errorf("no event %s in\n%s", event, page)
		}
	}

	direct := client(transport.Node{Network: "tcp", Address: dies.address})
	call(direct.Endpoint(), 1)
	call(where, 20)
	before := page()
	expect(before, "Set stock", dies.address, `takes calls +0 +100%`)
	expect(before, "Pool", dies.address, `ready +\d`)
	expect(before, "Connections of pool", dies.address, `open`)
	expect(before, "Service lives", dies.address, `^$`)
	if strings.Contains(before, "\n! ") {
		t.Errorf("something is not well before the kill:\n%s", before)
	}

	dies.kill()
	if answer, err := direct.Endpoint()(t.Context(), []byte{}); err == nil {
		t.Fatalf("the node that was killed answers %s", answer)
	}
	for bounded.Receive(t, changes).To != breaker.Open {
	}
	const expelled = `node expelled +(dial failed|reconnect limit): .*refused.* pool`
	bounded.Wait(t, func() { // the page has a subscription of its own to the pool, and hears when its turn comes
		for !tells(page(), expelled) {
			runtime.Gosched()
		}
	})
	if got := call(where, 5); got != lives.address {
		t.Fatalf("the node that lives is %s", got)
	}
	var during string
	tried := regexp.MustCompile(` in (1h)?\d+m\S+, at `)
	bounded.Wait(t, func() { // when the next probe is to be made nobody knows while one is due, or under way
		for during = page(); !tried.MatchString(lineOf(during, "Set stock", dies.address)) || !tried.MatchString(lineOf(during, "Breakers", dies.address)); during = page() {
			runtime.Gosched()
		}
	})
	expect(during, "Set stock", dies.address, `^! tcp://\S+ +out: (node expelled|reconnect limit) +in (1h)?\d+m\S+, at \d\d:\d\d:\d\d .*The pool has .*: connection refused\.$`)
	expect(during, "Breakers", dies.address, `^! tcp://\S+ +open .* in (1h)?\d+m\S+, at .* The pool has .*: connection refused\. \(stock\) .*refused`)
	expect(during, "Pool", dies.address, `^! tcp://\S+ +expelled`)
	expect(during, "Connections of pool", dies.address, `^$`)
	if !regexp.MustCompile(`(?m)^! tcp://` + regexp.QuoteMeta(dies.address) + ` of Set stock is out\. The pool has .*: connection refused\. It is tried again in \S+, at \d\d:\d\d:\d\d\.$`).MatchString(during) {
		t.Errorf("the page does not begin with it:\n%s", during)
	}
	happened(during, `closed to open +(node expelled|reconnect limit): .*refused.* breakers, stock`)
	expect(during, "Set stock", lives.address, `^tcp://\S+ +takes calls`)

	serveShop(t, dies.address)
	bounded.Wait(t, func() { // a dial that has begun before may end after that, with whoever has joined it
		for _, err := direct.Endpoint()(t.Context(), []byte{}); err != nil; _, err = direct.Endpoint()(t.Context(), []byte{}) {
			if verdict.Of(err).Sent() {
				t.Error(err)
				return
			}
		}
	})
	if got := call(direct.Endpoint(), 1); got != dies.address {
		t.Fatalf("the node that came back is %s", got)
	}
	for bounded.Receive(t, changes).To != breaker.Closed {
	}
	call(where, 20)
	after := page()
	expect(after, "Set stock", dies.address, `^tcp://\S+ +takes calls +\d+ +\d\S*% \(slow start 6`)
	expect(after, "Breakers", dies.address, `^tcp://\S+ +closed`)
	expect(after, "Pool", dies.address, `^tcp://\S+ +ready`)
	happened(after, `open to closed +(pool ready|probe succeeded)`) // whichever hears first
	happened(after, `closed to open `)
}
