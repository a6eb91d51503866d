package endpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/metrics"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given context.Context
		ep := Timeout(time.Second)(func(ctx context.Context, _ any) (any, error) {
			given = ctx
			<-ctx.Done()
			return nil, ctx.Err()
		})
		begin := time.Now()
		_, err := ep(t.Context(), nil)
		mustBe(t, err, context.DeadlineExceeded)
		equal(t, "took", time.Since(begin), time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		ep(ctx, nil)
		equal(t, "a shorter deadline of the caller's is left as it is", given, ctx)

		quick := Timeout(time.Second)(func(ctx context.Context, _ any) (any, error) { given = ctx; return nil, ctx.Err() })
		if _, err := quick(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, "what it has made ends with the call", given.Err(), context.Canceled)
	})
}

func TestTimeoutOfZeroOrLess(t *testing.T) {
	ep := func(ctx context.Context, _ any) (any, error) { _, ok := ctx.Deadline(); return ok, nil }
	if got, err := Timeout(0)(ep)(t.Context(), nil); got != false || err != nil {
		t.Errorf("Timeout(0): %v, %v", got, err)
	}
	_, err := Timeout(-1)(ep)(t.Context(), nil)
	mustBe(t, err, ErrInvalidOption)
}

func TestLimitRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ep := Limit(2)(func(context.Context, any) (any, error) { <-release; return "done", nil })
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if got, err := ep(t.Context(), nil); got != "done" || err != nil {
					t.Errorf("within the limit: %v, %v", got, err)
				}
			})
		}
		synctest.Wait()
		_, err := ep(t.Context(), nil)
		e := as[*LimitError](t, err)
		if e.Limit != 2 || e.Sent() || e.Verdict().CountsAgainst() != verdict.Nobody {
			t.Errorf("%+v", e)
		}
		mustBe(t, err, ratelimit.ErrLimited)
		close(release)
		bounded.Wait(t, wg.Wait)
		if _, err := ep(t.Context(), nil); err != nil {
			t.Errorf("after they returned: %v", err)
		}
	})
}

func TestLimitWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ep := LimitWait(1)(func(ctx context.Context, d any) (any, error) { time.Sleep(d.(time.Duration)); return nil, nil })
		go ep(t.Context(), time.Second)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := ep(ctx, time.Duration(0))
		mustBe(t, err, ratelimit.ErrLimited, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "deadline") {
			t.Error(err)
		}
		begin := time.Now()
		if _, err := ep(t.Context(), time.Duration(0)); err != nil {
			t.Error(err)
		}
		equal(t, "waited for its turn", time.Since(begin), time.Second-time.Millisecond)
	})
}

func TestLimitGivesItsPlaceBackAfterAPanic(t *testing.T) {
	ep := Recovery(nil)(Limit(1)(func(context.Context, any) (any, error) { panic("x") }))
	for range 3 {
		_, err := ep(t.Context(), nil)
		as[*PanicError](t, err)
	}
}

func TestLimitOfNothing(t *testing.T) {
	for _, m := range []endpoint.Middleware{Limit(0), LimitWait(-1)} {
		_, err := m(endpoint.Nop)(t.Context(), nil)
		mustBe(t, err, ErrInvalidOption)
	}
}

func TestRecoveryKeepsTheStackOutOfTheText(t *testing.T) {
	var out bytes.Buffer
	cause := errors.New("line one\nline two " + strings.Repeat("x", 1000))
	ep := Recovery(log.NewLogfmtLogger(&out))(func(context.Context, any) (any, error) { panic(cause) })
	response, err := ep(t.Context(), nil)
	e := as[*PanicError](t, err)
	if response != nil || e.Value != cause || !bytes.Contains(e.Stack, []byte("TestRecovery")) {
		t.Errorf("%v, %v", response, e.Value)
	}
	mustBe(t, err, cause)
	if s := err.Error(); strings.Contains(s, "goroutine") || strings.Contains(s, "\n") || len(s) > 2*maxText {
		t.Errorf("text %q", s)
	}
	if !strings.Contains(out.String(), "TestRecovery") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("logged %s", out.String())
	}
	equal(t, "maybe sent", verdict.Of(&PanicError{Value: 1}).Sent(), true)
	_, err = Recovery(nil)(func(context.Context, any) (any, error) { panic("no error") })(t.Context(), nil)
	equal(t, "unwraps to", errors.Unwrap(err), nil)
}

type failedAnswer struct{ err error }

func (f failedAnswer) Failed() error { return f.err }

func TestLoggingTellsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			make     func(log.Logger, string) endpoint.Middleware
			response any
			err      error
			want     string
		}{
			"failure": {Logging, nil, errors.New("a \x1b[31m\nb"), `method=Sum took=0s err="\"a \\x1b[31m\\nb\"" verdict="unknown: node, maybe ran"` + "\n"},
			"long text": {Logging, nil, errors.New(strings.Repeat("x", 1<<20) + "the-end"), `method=Sum took=0s err=` + strings.Repeat("x", maxText/3) + "..." +
				strings.Repeat("x", maxText-maxText/3-len("the-end")) + `the-end verdict="unknown: node, maybe ran"` + "\n"},
			"success":         {Logging, "fine", nil, ""},
			"of the business": {Logging, failedAnswer{errors.New("no money")}, nil, `method=Sum took=0s err="no money" verdict="business: caller, ran"` + "\n"},
			"words of a peer": {Logging, nil, &transport.Error{Code: transport.CodeInternal, Message: "a\nb"}, `method=Sum took=0s err="internal: \"a\\nb\"" verdict="internal: method, maybe ran"` + "\n"},
			"success, told":   {LoggingAll, failedAnswer{}, nil, `method=Sum took=0s` + "\n"},
		} {
			var out bytes.Buffer
			ep := c.make(log.NewLogfmtLogger(&out), "Sum")(func(context.Context, any) (any, error) { return c.response, c.err })
			if response, err := ep(t.Context(), nil); response != c.response || err != c.err {
				t.Errorf("%s: changed to %v, %v", name, response, err)
			}
			if out.String() != c.want {
				t.Errorf("%s: logged %.300s\nwant %.300s", name, out.String(), c.want)
			}
		}
	})
}

func TestLoggingOfAnAttempt(t *testing.T) {
	var out bytes.Buffer
	f := &fleet{do: script(errLost)}
	nodes := f.nodes("a")
	nodes[0].call = Logging(log.NewLogfmtLogger(&out), "Sum")(nodes[0].call)
	Retry(2, 0, NewBalancer(nodes))(t.Context(), nil)
	if !strings.Contains(out.String(), `attempt=1 node=tcp://a:1 err="answer lost" verdict="unknown: node, maybe ran"`) {
		t.Error(out.String())
	}
	if ep := Logging(nil, "Sum")(endpoint.Nop); ep == nil {
		t.Error("nil logger")
	}
}

// book is a counter, histogram and gauge that writes down what it gets.
type book struct {
	mu     *sync.Mutex
	values map[string]float64
	labels string
}

func newBook() book { return book{mu: new(sync.Mutex), values: map[string]float64{}} }

func (b book) with(labels []string) book {
	b.labels = strings.Join(append(strings.Fields(b.labels), labels...), " ")
	return b
}
func (b book) Add(v float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values[b.labels] += v
}

type counter struct{ book }
type histogram struct{ book }
type gauge struct{ book }

func (b counter) With(l ...string) metrics.Counter     { return counter{b.with(l)} }
func (b histogram) With(l ...string) metrics.Histogram { return histogram{b.with(l)} }
func (b gauge) With(l ...string) metrics.Gauge         { return gauge{b.with(l)} }
func (b histogram) Observe(v float64)                  { b.Add(v) }
func (b gauge) Set(v float64)                          { panic("unused") }

func TestInstrumentingCountsAndTimesByOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, seconds, inFlight := newBook(), newBook(), newBook()
		next := func(_ context.Context, request any) (any, error) {
			equal(t, "in flight", inFlight.values["method Sum"], 1)
			time.Sleep(time.Second)
			if request == "panic" {
				panic(request)
			}
			err, _ := request.(error)
			if f, ok := request.(failedAnswer); ok {
				return f, nil
			}
			return nil, err
		}
		ep := Recovery(nil)(Instrumenting(Metrics{counter{calls}, histogram{seconds}, gauge{inFlight}}, "method", "Sum")(next))
		for _, request := range []any{"fine", failedAnswer{}, failedAnswer{io.EOF}, errUnsent, errLost, io.EOF, "panic"} {
			ep(t.Context(), request)
		}
		for outcome, want := range map[string]float64{"ok": 2, "business": 1, "not sent": 1, "caller": 1, "failed": 2} {
			equal(t, "calls "+outcome, calls.values["method Sum outcome "+outcome], want)
			equal(t, "seconds "+outcome, seconds.values["method Sum outcome "+outcome], want)
		}
		equal(t, "in flight at the end", inFlight.values["method Sum"], 0)
	})
}

// The same table holds for calls and for attempts.
func TestOutcomesFollowTheVerdict(t *testing.T) {
	left, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		response any
		err      error
		want     string
	}{
		"an answer":              {t.Context(), "x", nil, "ok"},
		"a failed answer":        {t.Context(), failedAnswer{io.EOF}, nil, "business"},
		"the same as an error":   {t.Context(), nil, transport.Business(7, ""), "business"},
		"the caller left":        {left, nil, errLost, "canceled"},
		"a peer says canceled":   {t.Context(), nil, &transport.Error{Code: transport.CodeCanceled, Remote: true}, "canceled"},
		"not found":              {t.Context(), nil, &transport.Error{Code: transport.CodeNotFound, Remote: true}, "caller"},
		"refused as not allowed": {t.Context(), nil, refused(transport.CodePermissionDenied), "caller"},
		"an option":              {t.Context(), nil, ErrInvalidOption, "caller"},
		"a panic":                {t.Context(), nil, &PanicError{}, "caller"},
		"a closed set":           {t.Context(), nil, ErrSetClosed, "caller"},
		"no node":                {t.Context(), nil, &NoNodesError{}, "not sent"},
		"a limit of ours":        {t.Context(), nil, &LimitError{Limit: 1}, "not sent"},
		"go-kit's limit":         {t.Context(), nil, ratelimit.ErrLimited, "not sent"},
		"a limit of the peer's":  {t.Context(), nil, refused(transport.CodeResourceExhausted), "refused"},
		"no such method":         {t.Context(), nil, refused(transport.CodeUnimplemented), "refused"},
		"the peer is broken":     {t.Context(), nil, &transport.Error{Code: transport.CodeInternal, Remote: true}, "failed"},
		"given up":               {t.Context(), nil, &RetryError{Attempts: []Failure{{Err: errUnsent}, {Err: errLost}}}, "failed"},
		"time is over":           {t.Context(), nil, context.DeadlineExceeded, "failed"},
	} {
		equal(t, name, outcomes[outcomeOf(verdict.Call(c.ctx, c.response, c.err))], c.want)
	}
}

func TestInstrumentingWithoutMetrics(t *testing.T) {
	if _, err := Instrumenting(Metrics{})(endpoint.Nop)(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
