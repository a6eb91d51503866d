package endpoint

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

func TestACallHasOptionsOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		opts     []Option
		call     []CallOption
		do       func(muxpool.Node, context.Context) error
		took     time.Duration
		attempts int
		code     verdict.Code
	}{
		"no options":                {nil, nil, hang, time.Second, 1, verdict.CodeDeadlineExceeded},
		"time":                      {nil, []CallOption{CallTimeout(2 * time.Second)}, hang, 2 * time.Second, 1, verdict.CodeDeadlineExceeded},
		"no time but the context's": {nil, []CallOption{CallTimeout(0)}, func(_ muxpool.Node, ctx context.Context) error { return sleep(ctx, 2*time.Second) }, 2 * time.Second, 1, 0},
		"the last one counts":       {nil, []CallOption{CallTimeout(time.Hour), CallTimeout(3 * time.Second)}, hang, 3 * time.Second, 1, verdict.CodeDeadlineExceeded},
		"idempotent":                {nil, []CallOption{CallIdempotent(true)}, script(errLost, errLost), 0, 3, 0},
		"not idempotent":            {[]Option{WithIdempotent(Always)}, []CallOption{CallIdempotent(false)}, script(errLost), 0, 1, verdict.CodeUnknown},
		"hedged":                    {nil, []CallOption{CallIdempotent(true), CallHedge(20 * time.Millisecond)}, slowNodes("a"), 20 * time.Millisecond, 2, 0},
		"not hedged":                {[]Option{WithHedging(20 * time.Millisecond), WithIdempotent(Always), WithPerTryTimeout(100 * time.Millisecond)}, []CallOption{CallHedge(0)}, slowNodes("a"), 100 * time.Millisecond, 2, 0},
		"an option of no sense":     {nil, []CallOption{CallTimeout(-1)}, nil, 0, 0, verdict.CodeInvalid},
		"a hedge of no sense":       {nil, []CallOption{CallHedge(-1)}, nil, 0, 0, verdict.CodeInvalid},
		"a wait of no sense":        {nil, []CallOption{CallWait(-1)}, nil, 0, 0, verdict.CodeInvalid},
		"no wait":                   {nil, []CallOption{CallWait(0)}, nil, 0, 1, 0},
		"nil":                       {nil, []CallOption{nil}, nil, 0, 0, verdict.CodeInvalid},
		"beside none of the usual":  {nil, []CallOption{}, nil, 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fleet{do: c.do}
				ep := Retry(3, time.Second, NewBalancer(f.nodes(abc...), WithPolicy(RoundRobin)), append([]Option{WithBackoff(1, 1)}, c.opts...)...)
				ctx := t.Context()
				for _, o := range c.call { // each on top of those before
					ctx = WithCallOptions(ctx, o)
				}
				begin := time.Now()
				_, err := ep(ctx, nil)
				if took := time.Since(begin); took < c.took || took > c.took+time.Microsecond {
					t.Errorf("took %v", took)
				}
				equal(t, "attempts", len(f.called()), c.attempts)
				equal(t, "code", verdict.Of(err).Code, c.code)
			})
		})
	}
}

// A call that is to be hedged makes two attempts, also where a Set does not retry.
func TestACallIsHedgedWithoutRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &shop{}
		f.do = slowNodes("a")
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithPolicy(RoundRobin))
		defer s.Close()
		get := s.EndpointFrom("Get", f.factory, WithIdempotent(Always))
		begin := time.Now()
		got, err := get(WithCallOptions(t.Context(), CallHedge(20*time.Millisecond)), "x")
		if took := time.Since(begin); got != "x from b:1" || err != nil || took != 20*time.Millisecond {
			t.Errorf("after %v: %v, %v", took, got, err)
		}
	})
}

// What a node calls in turn, with its attempt's context, has options of its own.
func TestOptionsOfACallAreNotThoseOfCallsBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &fleet{do: hang}
		inner := Retry(1, 3*time.Second, NewBalancer(below.nodes("b")))
		for name, opts := range map[string][]Option{"plain": nil, "idempotent": {WithIdempotent(Always)}} {
			relay := NewNodeEndpoint(node("a"), func(ctx context.Context, request any) (any, error) {
				if _, err := inner(ctx, request); !as[*RetryError](t, err).Timeout() {
					t.Error(err)
				}
				return nil, nil
			})
			begin := time.Now()
			outer := Retry(2, time.Minute, NewBalancer(FixedEndpointer{relay}), opts...)
			if _, err := outer(WithCallOptions(t.Context(), CallTimeout(10*time.Second)), nil); err != nil {
				t.Error(err)
			}
			equal(t, name, time.Since(begin), 3*time.Second)
		}
	})
}

func TestASpecDeclaresAMethod(t *testing.T) {
	g := &recorder{switchboard: newSwitchboard()}
	s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(g), WithRetry(3, time.Second), WithBackoff(1, 1))
	defer s.Close()
	f := &shop{}
	for name, c := range map[string]struct {
		opts     []Option
		attempts int
		oneWay   bool
	}{
		"none":                  {nil, 1, false},
		"idempotent":            {[]Option{WithSpec(Spec{Idempotent: true})}, 2, false},
		"the last one counts":   {[]Option{WithIdempotent(Always), WithSpec(Spec{})}, 1, false},
		"as does the short cut": {[]Option{WithSpec(Spec{}), WithIdempotent(Always)}, 2, false},
		"one way":               {[]Option{WithSpec(Spec{Kind: OneWay})}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			f.mu.Lock()
			f.calls, f.do = nil, script(errLost)
			f.mu.Unlock()
			s.EndpointFrom(name, f.factory, c.opts...)(t.Context(), nil)
			equal(t, "attempts", len(f.called()), c.attempts)
			equal(t, "told to the breakers", g.targets[len(g.targets)-1].OneWay, c.oneWay)
		})
	}
	_, err := s.EndpointFrom("x", f.factory, WithSpec(Spec{Kind: 9}))(t.Context(), nil)
	mustBe(t, err, ErrInvalidOption)
}

func TestCallOptionsCostNothingWhenThereAreNone(t *testing.T) {
	ctx := t.Context()
	equal(t, "allocations", bounded.Allocs(100, func() { callOptionsOf(ctx) }), 0)
}
