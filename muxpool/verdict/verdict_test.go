package verdict

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"
)

type failed struct{ err error }

func (f failed) Failed() error { return f.err }

func TestCall(t *testing.T) {
	left, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Hour))
	defer cancel()
	live := context.Background()
	for name, c := range map[string]struct {
		ctx      context.Context
		response any
		err      error
		want     Verdict
	}{
		"an answer":                        {live, "x", nil, Verdict{Ran: Yes, Answered: true}},
		"a Failer that did not fail":       {live, failed{}, nil, Verdict{Ran: Yes, Answered: true}},
		"a Failer that failed":             {live, failed{io.EOF}, nil, Verdict{Code: CodeBusiness, Whose: Caller, Ran: Yes, Answered: true}},
		"who has left, the error hides it": {left, nil, io.EOF, Verdict{Code: CodeCanceled}},
		"who has left and was answered":    {left, nil, status(404), ByCode(CodeNotFound)},
		"somebody else canceled":           {live, nil, context.Canceled, Verdict{Code: CodeCanceled}},
		"canceled under a dead context":    {late, nil, context.Canceled, Verdict{Code: CodeCanceled}},
		"out of time":                      {late, nil, context.DeadlineExceeded, ByCode(CodeDeadlineExceeded)},
	} {
		if got := Call(c.ctx, c.response, c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// Who cannot take calls just now is not sick; who breaks before it runs them is.
func TestRefusedIsSafeToRetry(t *testing.T) {
	for code, want := range map[Code]Whose{CodeUnavailable: Overload, CodeResourceExhausted: Overload, CodeDeadlineExceeded: Nobody,
		CodeUnimplemented: Nobody, CodeInternal: Method, CodeUnknown: Method, CodeUnauthenticated: Caller} {
		if got := ByCode(code).AsRefused().Whose; got != want {
			t.Errorf("%v, refused unrun, is %v, want %v", code, got, want)
		}
	}
	for code := Code(1); code < 255; code++ {
		v := ByCode(code).AsRefused()
		if !v.SafeToRetry() {
			t.Errorf("%v, refused unrun, is %v", code, v)
		}
		if caller := ByCode(code).Whose == Caller; caller != v.Definitive() {
			t.Errorf("%v: who is to blame for a wrong request does not depend on where that was seen: %v", code, v)
		}
	}
}

// Of two tries that is known of which more may have been run.
func TestMost(t *testing.T) {
	order := []Ran{NotSent, Refused, Maybe, Yes}
	for i, a := range order {
		for j, b := range order {
			if got := a.Most(b); got != order[max(i, j)] {
				t.Errorf("%v and %v: %v", a, b, got)
			}
		}
	}
}

// Whatever is the caller's own is definitive, and a success is no end that another
// attempt could change.
func TestDefinitive(t *testing.T) {
	for code := range properties {
		if v := (Verdict{Code: code, Whose: Caller}); !v.Definitive() {
			t.Errorf("%v", v)
		}
		if v := (Verdict{Code: code, Whose: Nobody}); v.Definitive() {
			t.Errorf("%v", v)
		}
	}
	if (Verdict{Whose: Caller}).Definitive() {
		t.Error("a success is definitive")
	}
}

func TestWords(t *testing.T) {
	v := Verdict{Code: CodeUnavailable, Whose: Path, Ran: NotSent, RetryAfter: time.Second, NoRetry: true}
	if got, want := v.String(), "unavailable: path, not sent, retry after 1s, do not retry"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if s := (Verdict{Ran: Yes}).String(); s != "ok" {
		t.Errorf("an answer is %q", s)
	}
	if v.Elsewhere(true) || v.WaitedFor() || v.Sent() {
		t.Errorf("%v may not be tried again", v)
	}
}

// Numbers that have no word: the first of them as well.
func TestUnknownWords(t *testing.T) {
	if got, want := Ran(len(rans)).String(), fmt.Sprintf("unknown(%d)", len(rans)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
