package endpoint

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// lostWith is the error of a call to n that was in flight when its connection ended by cause.
func lostWith(n muxpool.Node, cause error) error {
	return &muxpool.Error{Op: "read", Node: n, Err: cause}
}

// Each answer pays for one loss, and those that are lost at once leave nothing over.
func TestCreditIsEarnedByAnswers(t *testing.T) {
	var c credit
	spend := func(what string, inFlight int, want bool) {
		t.Helper()
		equal(t, what, c.spend(inFlight), want)
	}
	earn := func(n int) {
		for range n {
			c.earn()
		}
	}
	spend("without an answer", 1, false)
	earn(3)
	for left := 5; left > 0; left-- {
		spend(fmt.Sprint("after 3 answers, of ", left), left, left > 2)
	}
	earn(100)
	for left := 5; left > 0; left-- {
		spend(fmt.Sprint("after 100 answers, of ", left), left, true)
	}
	spend("the next one", 1, false)
	earn(maxCredit + 10)
	equal(t, "at most", c.left.Load(), int64(maxCredit))
}

// What an attempt came to says whether it earns, or may be repeated without a token.
func TestWhatEarnsCreditAndWhatSpendsIt(t *testing.T) {
	a := node("a")
	for name, c := range map[string]struct {
		err  error
		left int64 // of a credit of 2
		paid bool
	}{
		"an answer":                  {nil, 3, false},
		"the business says no":       {&transport.Error{Code: transport.CodeBusiness, Remote: true}, 3, false},
		"no such thing":              {&transport.Error{Code: transport.CodeNotFound, Remote: true}, 3, false},
		"found out here":             {&transport.Error{Code: transport.CodeEncode}, 2, false},
		"refused":                    {refused(transport.CodeResourceExhausted), 2, false},
		"broken, says the peer":      {&transport.Error{Code: transport.CodeInternal, Remote: true}, 2, false},
		"unavailable, says the peer": {&transport.Error{Code: transport.CodeUnavailable, Remote: true}, 2, false},
		"not sent":                   {errUnsent, 2, false},
		"unknown":                    {fmt.Errorf("what?"), 2, false},
		"too late":                   {lostWith(a, context.DeadlineExceeded), 2, false},
		"refused connect":            {&muxpool.Error{Op: "get", Node: a, Err: muxpool.ErrReconnectLimit}, 2, false},
		"lost":                       {lostWith(a, muxpool.ErrConnLost), 1, true},
		"lost, by its transport":     {&transport.Error{Code: transport.CodeConnection, Err: lostWith(a, muxpool.ErrConnLost)}, 1, true},
		"silent":                     {lostWith(a, muxpool.ErrKeepAliveTimeout), 1, true},
		"stalled":                    {lostWith(a, muxpool.ErrStalled), 1, true},
		"garbage":                    {lostWith(a, muxpool.ErrProtocol), 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewNodeEndpoint(a, func(context.Context, any) (any, error) { return nil, c.err })
			e.member.credit.left.Store(2)
			for range 3 {
				e.member.calls.enter()
			}
			_, _, paid := e.serve(t.Context(), nil)
			equal(t, "paid", paid, c.paid)
			equal(t, "left", e.member.credit.left.Load(), c.left)
		})
	}
}

// mortal is a node that answers some calls, then takes some and dies with them, and is back at
// once, again and again.
type mortal struct {
	answers, takes int // in each life

	mu       sync.Mutex
	life     chan struct{} // closed by its end
	answered int           // in this life
	taken    int
	sum      int // of answers
}

func (m *mortal) call(ctx context.Context, n muxpool.Node) error {
	m.mu.Lock()
	if m.answered < m.answers {
		m.answered++
		m.sum++
		m.mu.Unlock()
		return nil
	}
	if m.life == nil {
		m.life = make(chan struct{})
	}
	life := m.life
	if m.taken++; m.taken == m.takes {
		m.answered, m.taken, m.life = 0, 0, nil
		close(life)
	}
	m.mu.Unlock()
	select {
	case <-life:
		return lostWith(n, muxpool.ErrConnLost)
	case <-ctx.Done(): // nobody came any more
		return ctx.Err()
	}
}

// Nodes that take calls and die of them, again and again, with nothing before them that would
// put them out, get no more attempts than the budget allows, and one more for each of their
// answers: so less than 2.1 for each call, and ten.
func TestNodesThatDieAgainAndAgainMultiplyLittle(t *testing.T) {
	const callers, each = 60, 50
	for name, c := range map[string]struct {
		nodes map[string]*mortal // nil: it answers all
		kept  bool               // no call is lost
	}{
		"one answers nothing":              {map[string]*mortal{"a": {takes: 10}, "b": nil}, false},
		"one answers a little":             {map[string]*mortal{"a": {answers: 3, takes: 10}, "b": nil}, false},
		"one answers as many as it takes":  {map[string]*mortal{"a": {answers: 20, takes: 10}, "b": nil}, true},
		"all answer nothing":               {map[string]*mortal{"a": {takes: 10}, "b": {takes: 10}, "c": {takes: 10}}, false},
		"the only one answers nothing":     {map[string]*mortal{"a": {takes: 10}}, false},
		"two answer a little, one answers": {map[string]*mortal{"a": {answers: 5, takes: 20}, "b": {answers: 10, takes: 5}, "c": nil}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var attempts, lost atomic.Int64
				f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
					attempts.Add(1)
					time.Sleep(time.Millisecond)
					if m := c.nodes[n.Address[:1]]; m != nil {
						return m.call(ctx, n)
					}
					return nil
				}}
				var names []string
				for n, m := range c.nodes {
					names = append(names, n)
					if m != nil {
						*m = mortal{answers: m.answers, takes: m.takes}
					}
				}
				call := Retry(3, 0, NewBalancer(f.nodes(names...), WithPolicy(RoundRobin)), WithIdempotent(Always))
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for range each {
							ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
							if _, err := call(ctx, "x"); err != nil && ctx.Err() == nil {
								lost.Add(1)
							}
							cancel()
						}
					})
				}
				bounded.Wait(t, wg.Wait)
				const calls = callers * each
				bound := int64(calls + calls/10 + 10)
				for _, m := range c.nodes {
					if m != nil {
						bound += int64(m.sum)
					}
				}
				t.Logf("%d attempts for %d calls, of which %d are lost; at most %d", attempts.Load(), calls, lost.Load(), bound)
				if n := attempts.Load(); n > bound {
					t.Errorf("%d attempts for %d calls are over %d", n, calls, bound)
				}
				if c.kept && lost.Load() > 0 {
					t.Errorf("%d calls are lost", lost.Load())
				}
			})
		})
	}
}

// Of two nodes one dies with hundreds of calls in flight, more than any budget allows to
// repeat. Then the other one does, and then there is nobody for a while.
func TestNodesThatDieWithManyCallsLoseNoIdempotentOne(t *testing.T) {
	const many = 500
	for _, opts := range [][]Option{nil, {WithHedging(time.Hour)}} {
		synctest.Test(t, func(t *testing.T) { diesWithMany(t, many, opts...) })
	}
}

func diesWithMany(t *testing.T, many int, opts ...Option) {
	budget := NewBudget(0.001, 1)
	budget.withdraw()
	a, b := &mortal{answers: many, takes: many / 2}, &mortal{answers: many, takes: many}
	f := &fleet{do: func(n muxpool.Node, ctx context.Context) error {
		return map[string]*mortal{"a:1": a, "b:1": b}[n.Address].call(ctx, n)
	}}
	call := Retry(3, 0, NewBalancer(f.nodes("a", "b"), WithPolicy(RoundRobin)), append(opts, WithIdempotent(Always), WithBudget(budget))...)
	for range 2 * many {
		if _, err := call(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			if _, err := call(ctx, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	equal(t, "answers", a.sum+b.sum, 3*many)
}

// The same over sockets, with breakers, and the default budget.
func TestACrashLosesNoIdempotentCallHoweverMany(t *testing.T) {
	const many = 300
	var inside [2]atomic.Int64
	var holds atomic.Bool
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	serveHeld := func(i int) (string, func()) {
		return serve(t, "Echo", func(string) endpoint.Endpoint {
			return func(ctx context.Context, request any) (any, error) {
				inside[i].Add(1)
				defer inside[i].Add(-1)
				if holds.Load() {
					select {
					case <-release:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				return request, nil
			}
		})
	}
	a, kill := serveHeld(0)
	b, _ := serveHeld(1)
	pool := newPool(t)
	g := breaker.NewGroup(breaker.WithMaxEjection(0.5))
	defer g.Close()
	defer g.Watch(pool)()
	s := NewSet(sd.FixedInstancer{a, b}, nil, WithBreakers(g), WithRetry(3, 0), WithIdempotent(Always), WithPolicy(RoundRobin))
	defer s.Close()
	echo := TypedFrom[[]byte, []byte](s.Endpoint("Echo", echoClient(pool)))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	burst := func() (wait func()) {
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				nonce := fmt.Appendf(nil, "%d", i)
				if got, err := echo(ctx, nonce); err != nil || !bytes.Equal(got, nonce) {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		return wg.Wait
	}
	burst()()
	holds.Store(true)
	wait := burst()
	t.Cleanup(wait)
	t.Cleanup(let)
	eventually(t, "not all calls are at the nodes", func() bool { return inside[0].Load()+inside[1].Load() == many })
	if lost := inside[0].Load(); lost <= many/10+budgetStart {
		t.Fatalf("%d calls at the node: the budget alone would do", lost)
	}
	kill()
	eventually(t, "not all calls are at the other node", func() bool { return inside[1].Load() == many })
	let()
	wait()
}
