package verdict

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd/lb"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// status is another package's error with a number.
type status int

func (s status) Error() string   { return fmt.Sprintf("status %d", int(s)) }
func (s status) StatusCode() int { return int(s) }

// sent is another package's error with a promise.
type sent bool

func (s sent) Error() string { return "foreign" }
func (s sent) Sent() bool    { return bool(s) }

// maybe is another package's error of a request that may have been sent.
type maybe struct{ error }

func (maybe) Sent() bool      { return true }
func (m maybe) Unwrap() error { return m.error }

type boom struct{}

func (boom) Error() string    { return "boom" }
func (boom) Verdict() Verdict { panic("boom") }

type endless struct{}

func (endless) Error() string   { return "endless" }
func (e endless) Unwrap() error { return e }

// uncomparable must not make a comparison panic.
type uncomparable []error

func (u uncomparable) Error() string { return "uncomparable" }

func TestOf(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	read := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	told := Tell(errors.New("no token"), ByCode(CodeUnauthenticated))
	for name, c := range map[string]struct {
		err  error
		want Verdict
	}{
		"nil":                              {nil, Verdict{}},
		"an error that says nothing":       {errors.New("x"), Verdict{Code: CodeUnknown, Whose: Node}},
		"one that cannot be compared":      {uncomparable{io.EOF}, Verdict{Code: CodeUnknown, Whose: Node}},
		"canceled":                         {fmt.Errorf("read: %w", context.Canceled), Verdict{Code: CodeCanceled}},
		"out of time":                      {context.DeadlineExceeded, Verdict{Code: CodeDeadlineExceeded, Whose: Method}},
		"an i/o timeout":                   {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, Verdict{Code: CodeDeadlineExceeded, Whose: Method}},
		"a dial that was refused":          {dial, unsent},
		"the same of go-kit's HTTP client": {&url.Error{Op: "Get", URL: "http://x", Err: dial}, unsent},
		"a dial that took too long":        {&url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}}, unsent},
		"a name that is not known":         {&net.DNSError{Name: "x"}, unsent},
		"a certificate that does not fit":  {&tls.CertificateVerificationError{Err: io.EOF}, unsent},
		"a connection that was reset":      {read, lost},
		"the end of a stream":              {fmt.Errorf("x: %w", io.EOF), lost},
		"a rate limit":                     {fmt.Errorf("x: %w", ratelimit.ErrLimited), Verdict{Code: CodeResourceExhausted, Whose: Overload, Ran: NotSent}},
		"a gobreaker":                      {gobreaker.ErrOpenState, home},
		"a gobreaker that is half-open":    {gobreaker.ErrTooManyRequests, home},
		"no endpoints":                     {lb.ErrNoEndpoints, home},
		"go-kit's RetryError, by its last": {lb.RetryError{RawErrors: []error{dial, gobreaker.ErrOpenState}, Final: gobreaker.ErrOpenState}, home},
		"a foreign promise":                {sent(false), unsent},
		"no promise":                       {sent(true), Verdict{Code: CodeUnknown, Whose: Node}},
		"no promise, whatever comes next":  {errors.Join(sent(true), gobreaker.ErrOpenState), Verdict{Code: CodeUnknown, Whose: Node}},
		"no promise, whatever it wraps":    {maybe{gobreaker.ErrOpenState}, Verdict{Code: CodeUnavailable}},
		"status 404":                       {status(404), ByCode(CodeNotFound)},
		"status 503":                       {status(503), ByCode(CodeUnavailable)},
		"a number that is no status":       {status(22), Verdict{Code: CodeUnknown, Whose: Node}},
		"told":                             {fmt.Errorf("x: %w", told), ByCode(CodeUnauthenticated)},
		"the outermost speaks":             {Tell(fmt.Errorf("stock: %w", dial), ByCode(CodeInternal)), ByCode(CodeInternal)},
		"the first of several":             {errors.Join(errors.New("x"), gobreaker.ErrOpenState, status(404)), Verdict{Code: CodeUnavailable}},
		"a bare error of the pool":         {muxpool.ErrPoolClosed, Verdict{Code: CodeUnavailable, Whose: Caller, Ran: NotSent}},
		"a handshake that was refused": {&muxpool.Error{Op: "get", Err: errors.Join(muxpool.ErrConnectionsHaveBeenExpelled, told)},
			Verdict{Code: CodeUnauthenticated, Whose: Caller, Ran: NotSent}},
		"overtaken": {ErrOvertaken, Verdict{Code: CodeCanceled}},
		"go-kit's RetryError, one may have run": {lb.RetryError{RawErrors: []error{read}, Final: gobreaker.ErrOpenState},
			Verdict{Code: CodeUnavailable}},
		"beside one that may have run":     {errors.Join(gobreaker.ErrOpenState, io.EOF), Verdict{Code: CodeUnavailable}},
		"beside one that says nothing":     {fmt.Errorf("%w: %w", errors.New("half of it ran"), gobreaker.ErrOpenState), Verdict{Code: CodeUnavailable}},
		"two that were not sent":           {errors.Join(gobreaker.ErrOpenState, dial), home},
		"nil beside one that was not sent": {several{nil, gobreaker.ErrOpenState, nil}, home},
		"nil beside one that may have run": {several{gobreaker.ErrOpenState, nil, io.EOF}, Verdict{Code: CodeUnavailable}},
		"a TLS record that makes no sense": {tls.RecordHeaderError{}, lost},
		"a datagram that was refused":      {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNREFUSED)}, lost},
		"a connect that was refused":       {os.NewSyscallError("connect", syscall.ECONNREFUSED), unsent},
		"a nil pointer that is an error":   {(*muxpool.Error)(nil), Verdict{Code: CodeUnknown, Whose: Node}},
		"a Teller that panics":             {fmt.Errorf("x: %w", boom{}), Verdict{Code: CodeUnknown, Whose: Node}},
		"a chain without an end":           {endless{}, Verdict{Code: CodeUnknown, Whose: Node}},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// A chain is searched as deep as the bound says, and no deeper.
func TestTheDepthOfTheSearch(t *testing.T) {
	told := Tell(errors.New("no token"), ByCode(CodeUnauthenticated))
	err := error(told)
	for range maxDepth - 1 {
		err = fmt.Errorf("more: %w", err)
	}
	if v := Of(err); v.Code != CodeUnauthenticated {
		t.Errorf("the last within the bound: %v", v)
	}
	if v := Of(fmt.Errorf("more: %w", err)); v.Code != CodeUnknown {
		t.Errorf("the first beyond it: %v", v)
	}
}

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
	ended, cancel := context.WithDeadlineCause(context.Background(), time.Unix(1, 0), named)
	defer cancel()
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
