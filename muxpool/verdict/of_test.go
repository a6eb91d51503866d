package verdict

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// late is an error of which nothing is known but that time ran out, if it did.
type late bool

func (late) Error() string   { return "late" }
func (l late) Timeout() bool { return bool(l) }

// several are errors side by side.
type several []error

func (several) Error() string     { return "several" }
func (s several) Unwrap() []error { return s }

// hollow wraps nothing, though it could.
type hollow struct{}

func (hollow) Error() string { return "hollow" }
func (hollow) Unwrap() error { return nil }

// Time that ran out is found where it is wrapped, or stands beside others, as deep as the
// bound says; the first of a chain that knows is believed.
func TestTimeThatRanOutIsFound(t *testing.T) {
	nested := func(err error, n int) error {
		for range n {
			err = fmt.Errorf("more: %w", err)
		}
		return err
	}
	plain := errors.New("plain")
	for name, row := range map[string]struct {
		err   error
		found bool
	}{
		"it alone":                        {late(true), true},
		"one that says that it did not":   {late(false), false},
		"wrapped":                         {nested(late(true), 1), true},
		"the last within the bound":       {nested(late(true), maxDepth), true},
		"the first beyond it":             {nested(late(true), maxDepth+1), false},
		"beside another":                  {several{plain, late(true)}, true},
		"beside nothing":                  {several{nil, late(true)}, true},
		"others, side by side":            {several{plain, nil, late(false)}, false},
		"nothing, side by side":           {several{nil}, false},
		"the last within the bound, each": {nested(several{late(true)}, maxDepth-1), true},
		"the first beyond it, each":       {nested(several{late(true)}, maxDepth), false},
		"one that wraps nothing":          {hollow{}, false},
		"a plain one":                     {plain, false},
	} {
		want := Verdict{Code: CodeUnknown, Whose: Node}
		if row.found {
			want = ByCode(CodeDeadlineExceeded)
		}
		if v := Of(row.err); v != want {
			t.Errorf("%s: %v, want %v", name, v, want)
		}
	}
}

// Of a call whose time is over an error that is the end's cause, as its caller has named it, says no more; any other
// is what it is.
func TestACauseOfATimeOutIsATimeOut(t *testing.T) {
	named, plain := errors.New("named"), errors.New("plain")
	ended, cancel := context.WithDeadlineCause(context.Background(), time.Now(), named)
	defer cancel()
	<-ended.Done()
	running, cancel := context.WithTimeoutCause(context.Background(), time.Hour, named)
	defer cancel()
	unknown := Verdict{Code: CodeUnknown, Whose: Node}
	for name, row := range map[string]struct {
		ctx  context.Context
		err  error
		want Verdict
	}{
		"the cause":           {ended, named, ByCode(CodeDeadlineExceeded)},
		"wrapped":             {ended, fmt.Errorf("get: %w", named), ByCode(CodeDeadlineExceeded)},
		"another":             {ended, plain, unknown},
		"while there is time": {running, named, unknown},
		"one that says more":  {ended, Tell(named, ByCode(CodeNotFound)), ByCode(CodeNotFound)},
		"one that is asked":   {ended, badIs{}, unknown},
	} {
		if v := Call(row.ctx, nil, row.err); v != row.want {
			t.Errorf("%s: %v, want %v", name, v, row.want)
		}
	}
}

// badIs panics when it is compared.
type badIs struct{}

func (badIs) Error() string { return "bad" }
func (badIs) Is(error) bool { panic("boom") }
