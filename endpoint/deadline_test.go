package endpoint

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// Contexts derived from ours follow it without a goroutine each.
func TestContextsDerivedFromAnAttempt(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := &attemptContext{attempt: Attempt{Number: 7}}
	a.Init(parent, time.Now().Add(time.Hour))
	before := runtime.NumGoroutine()
	var derived []context.Context
	for range 100 {
		c, cancel := context.WithCancel(a)
		defer cancel()
		derived = append(derived, c)
	}
	if n := runtime.NumGoroutine() - before; n > 50 {
		t.Errorf("%d goroutines for 100 contexts", n)
	}
	equal(t, "attempt", derived[0].Value(ContextKeyAttempt).(*Attempt).Number, 7)
	a.Cancel()
	for _, c := range derived {
		bounded.Receive(t, c.Done())
	}
}

func TestEarlierOfDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		none, now := time.Time{}, time.Now()
		for _, c := range []struct {
			limit time.Time
			d     time.Duration
			want  time.Time
		}{
			{none, 0, none},
			{none, time.Second, now.Add(time.Second)},
			{none, time.Minute, none}, // ctx ends as early
			{now.Add(time.Second), 0, now.Add(time.Second)},
			{now.Add(time.Second), time.Hour, now.Add(time.Second)},
			{now.Add(time.Second), time.Millisecond, now.Add(time.Millisecond)},
		} {
			equal(t, "earlier", earlier(ctx, c.limit, c.d), c.want)
		}
		for d, left := range map[time.Duration]time.Duration{0: 0, time.Second: time.Second, time.Minute: time.Minute, time.Hour: time.Minute} {
			_, got := within(ctx, d)
			equal(t, "left of "+d.String(), got, left)
		}
	})
}

// Every bound of a Set's ends a call on a service that does not answer, while the
// caller's context lives.
func TestTimeoutsEndCallsOfClients(t *testing.T) {
	pool := newPool(t)
	address := serveHanging(t)
	for name, opts := range map[string][]Option{
		"WithRetry":            {WithRetry(3, 20*time.Millisecond)},
		"WithPerTryTimeout":    {WithRetry(1, 0), WithPerTryTimeout(20 * time.Millisecond)},
		"both, with hedging":   {WithRetry(3, 30*time.Millisecond), WithPerTryTimeout(20 * time.Millisecond), WithHedging(time.Hour), WithIdempotent(Always)},
		"a Timeout middleware": {WithRetry(1, time.Hour), WithNodeMiddleware(timeoutPerNode)},
	} {
		s := NewSet(sd.FixedInstancer{address}, nil, opts...)
		_, err := s.Endpoint("Hang", func(n transport.Node) *transport.Client {
			return transport.NewClient(pool, n, native.Protocol{}, "Hang", transport.EncodeBytes, transport.DecodeBytes)
		})(t.Context(), []byte("x"))
		mustBe(t, err, context.DeadlineExceeded)
		if e := as[*RetryError](t, err); !e.Timeout() || len(e.Attempts) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}
