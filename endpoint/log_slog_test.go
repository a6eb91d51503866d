package endpoint

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// lines is a logger without times, and what it has written.
func lines() (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), &out
}

// One line for each call that failed: where, how often, and whose fault.
func TestALineForEachFailedCall(t *testing.T) {
	a, b := node("a"), node("b")
	for name, c := range map[string]struct {
		response any
		err      error
		want     string
	}{
		"good":       {"fine", nil, ""},
		"of no node": {nil, errors.New("a \x1b[31m\nb"), `level=WARN msg="call failed" method=Sum took=0s code=unknown whose=node ran="maybe ran" err="\"a \\x1b[31m\\nb\""`},
		"long": {nil, errors.New(strings.Repeat("x", 1<<20) + "the-end"), `level=WARN msg="call failed" method=Sum took=0s code=unknown whose=node ran="maybe ran" err=` +
			strings.Repeat("x", maxText/3) + "..." + strings.Repeat("x", maxText-maxText/3-len("the-end")) + "the-end\n"},
		"the business's": {failedAnswer{errors.New("no money")}, nil, `level=INFO msg="call failed" method=Sum took=0s code=business whose=caller ran=ran err="no money"`},
		"a peer's": {nil, &transport.Error{Code: transport.CodeInternal, Message: "a\nb", Node: a},
			`level=WARN msg="call failed" method=Sum took=0s attempts=1 node=tcp://a:1 code=internal whose=method ran="maybe ran" err="tcp://a:1: internal (method, maybe ran): \"a\\nb\""`},
		"of the pool": {nil, &muxpool.Error{Op: "get", Node: b, Err: errors.New("refused")},
			`level=WARN msg="call failed" method=Sum took=0s attempts=1 node=tcp://b:1 code=unavailable whose=path ran="not sent" err=`},
		"of a breaker": {nil, &breaker.OpenError{Node: a}, `level=INFO msg="call failed" method=Sum took=0s node=tcp://a:1 code=unavailable whose=nobody ran="not sent" err=`},
		"of retries": {nil, &RetryError{GaveUp: GaveUpAttempts, Attempts: []Failure{{1, a, errors.New("one")}, {2, b, errors.New("two")}}},
			`level=WARN msg="call failed" method=Sum took=0s attempts=2 node=tcp://b:1 code=unknown whose=node ran="maybe ran" err=`},
		"of a single attempt": {nil, &RetryError{GaveUp: GaveUpNotRetryable, Attempts: []Failure{{1, a, errors.New("one")}}},
			`level=WARN msg="call failed" method=Sum took=0s attempts=1 node=tcp://a:1 code=unknown whose=node ran="maybe ran" err=`},
		"of none": {nil, &RetryError{GaveUp: GaveUpNoNode, Cause: &NoNodesError{}}, `level=INFO msg="call failed" method=Sum took=0s code=unavailable whose=nobody`},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, out := lines()
			cfg := config{}.with([]Option{WithLogging(l, 0)})
			ep := cfg.wrap("Sum", func(context.Context, any) (any, error) { return c.response, c.err })
			if response, err := ep(t.Context(), nil); response != c.response || err != c.err {
				t.Errorf("%s: changed to %v, %v", name, response, err)
			}
			if got := out.String(); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") || strings.Count(got, "\n") > 1 {
				t.Errorf("%s: logged %.400s\nwant %.400s", name, got, c.want)
			}
		})
	}
}

// Of a storm some lines are written, and how many were not; other methods have their own.
func TestLinesAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := lines()
		boom := func(context.Context, any) (any, error) { return nil, errors.New("boom") }
		cfg := config{}.with([]Option{WithLogging(l, 3)})
		sum, other := cfg.wrap("Sum", boom), cfg.wrap("Other", boom)
		for range 1000 {
			sum(t.Context(), nil)
		}
		other(t.Context(), nil)
		equal(t, "lines of a second", strings.Count(out.String(), "method=Sum"), 3)
		equal(t, "lines of another method", strings.Count(out.String(), "method=Other"), 1)
		time.Sleep(time.Second)
		out.Reset()
		sum(t.Context(), nil)
		sum(t.Context(), nil)
		equal(t, "said once", strings.Count(out.String(), " suppressed=997\n"), 1)
		equal(t, "lines", strings.Count(out.String(), "\n"), 2)
		for range 2 {
			sum(t.Context(), nil)
		}
		time.Sleep(time.Second)
		out.Reset()
		sum(t.Context(), nil)
		equal(t, "a single one is said too", strings.Count(out.String(), " suppressed=1\n"), 1)
	})
}

func TestLoggingRefusesSenselessValues(t *testing.T) {
	for _, o := range []Option{WithLogging(nil, 1), WithLogging(slog.Default(), -1)} {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, o)
		mustBe(t, s.Err(), ErrInvalidOption)
		s.Close()
	}
}

// A go-kit logger over slog, whatever it is given.
func TestSlog(t *testing.T) {
	for _, c := range []struct {
		keyvals []any
		want    string
	}{
		{[]any{"msg", "an instance is left out", "err", errors.New("x y")}, `level=WARN msg="an instance is left out" err="x y"`},
		{[]any{"a", 1, "b"}, `level=WARN msg="" a=1 extra=[b]`},
		{[]any{7, "x"}, `level=WARN msg="" extra="[7 x]"`},
		{[]any{7, "x", "a", 1}, `level=WARN msg="" extra="[7 x]" a=1`},
		{nil, `level=WARN msg=""`},
	} {
		l, out := lines()
		if err := Slog(l).Log(c.keyvals...); err != nil || strings.TrimSpace(out.String()) != c.want {
			t.Errorf("%v: %v, %s", c.keyvals, err, out.String())
		}
	}
}
