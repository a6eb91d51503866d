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
	"slices"
	"strings"
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

type failed struct{ err error }

func (f failed) Failed() error { return f.err }

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

// What the pool's own errors mean does not depend on what they wrap, and whether
// anything was sent is the pool's word: see TestJudgementOfErrors in package endpoint
// for errors of a real pool.
func TestPoolErrorsTellTheMostTellingCauseFirst(t *testing.T) {
	expelled := fmt.Errorf("%w: %w", muxpool.ErrConnectionsHaveBeenExpelled, context.Canceled)
	for name, c := range map[string]struct {
		cause error
		want  Verdict
	}{
		"expelled":         {expelled, unsent},
		"out of time":      {context.DeadlineExceeded, Verdict{Code: CodeDeadlineExceeded, Whose: Nobody, Ran: NotSent}},
		"closed":           {fmt.Errorf("%w: %w", muxpool.ErrConnLost, muxpool.ErrPoolClosed), Verdict{Code: CodeUnavailable, Whose: Caller, Ran: NotSent}},
		"garbage":          {fmt.Errorf("%w: %w", muxpool.ErrConnLost, muxpool.ErrProtocol), Verdict{Code: CodeUnavailable, Whose: Node, Ran: NotSent}},
		"something new":    {errors.New("x"), unsent},
		"too large":        {fmt.Errorf("%w: 9 bytes", muxpool.ErrFrameTooLarge), Verdict{Code: CodeTooLarge, Whose: Caller, Ran: NotSent}},
		"queue is full":    {muxpool.ErrSendQueueFull, Verdict{Code: CodeResourceExhausted, Whose: Overload, Ran: NotSent}},
		"by its own user":  {muxpool.ErrMuxConnClosed, Verdict{Code: CodeCanceled, Whose: Caller, Ran: NotSent}},
		"a silent peer":    {muxpool.ErrStalled, Verdict{Code: CodeUnavailable, Whose: Node, Ran: NotSent}},
		"senseless option": {muxpool.ErrInvalidOption, Verdict{Code: CodeInvalid, Whose: Caller, Ran: NotSent}},
	} {
		if got := Of(&muxpool.Error{Op: "get", Err: c.cause}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

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

func TestUnknownCodesAreJudgedByTheirClass(t *testing.T) {
	for code, want := range map[Code]Whose{19: Method, 31: Method, 32: Caller, 63: Caller, 64: Method, 95: Method, 96: Overload,
		127: Overload, 128: Node, 159: Node, 160: Method, 191: Method, 255: Method} {
		if v := ByCode(code); v.Whose != want || v.Code != code || v.Code.HTTP() < 400 || v.Code.HTTP() > 599 {
			t.Errorf("code %d is %v (%d), want %v", uint8(code), v, v.Code.HTTP(), want)
		}
	}
	for code, want := range map[Code]Code{0: CodeUnknown, 18: 18, 77: 77, 191: 191, 192: CodeUnknown, CodeEncode: CodeUnknown, 255: CodeUnknown} {
		if got := code.Travels(); got != want {
			t.Errorf("code %d travels as %d, want %d", code, got, want)
		}
	}
}

// Each status reads as a code that is blamed on the same side: 4xx is nobody's node.
func TestHTTPStatusesReadAsCodes(t *testing.T) {
	said := map[int]Code{401: CodeUnauthenticated, 403: CodePermissionDenied, 404: CodeNotFound, 408: CodeDeadlineExceeded, 409: CodeAborted,
		410: CodeNotFound, 412: CodeFailedPrecondition, 413: CodeTooLarge, 416: CodeOutOfRange, 429: CodeResourceExhausted,
		499: CodeCanceled, 501: CodeUnimplemented, 502: CodeUnavailable, 503: CodeUnavailable, 504: CodeDeadlineExceeded}
	for s := range 1000 {
		c, want := FromHTTP(s), said[s]
		switch {
		case want != 0:
		case s >= 400 && s <= 499:
			want = CodeInvalidArgument
		case s >= 500 && s <= 599:
			want = CodeInternal
		}
		if c != want {
			t.Errorf("status %d is %v, want %v", s, c, want)
		}
		if whose := ByCode(c).Whose; s >= 400 && s <= 499 && s != 408 && whose == Method {
			t.Errorf("status %d: %v", s, whose)
		}
	}
}

func TestRulesTellOnlyWhatErrorsDoNot(t *testing.T) {
	errExpired := errors.New("expired")
	rule := Is(errExpired, CodeUnauthenticated)
	err := Apply(fmt.Errorf("jwt: %w", errExpired), Is(io.EOF, CodeInternal), rule)
	if v := Of(err); v != ByCode(CodeUnauthenticated) || !errors.Is(err, errExpired) || err.Error() != "jwt: expired" {
		t.Errorf("%v: %v", err, v)
	}
	own := Tell(errExpired, ByCode(CodeAborted))
	if got := Apply(own, rule); got != own {
		t.Errorf("an error that speaks for itself became %v", Of(got))
	}
	if Apply(nil, rule) != nil || Tell(nil, Verdict{}) != nil || Apply(io.EOF, rule) != io.EOF {
		t.Error("what no rule knows is changed")
	}
}

// Numbers that have no word: the first of them as well.
func TestUnknownWords(t *testing.T) {
	if got, want := Ran(len(rans)).String(), fmt.Sprintf("unknown(%d)", len(rans)); got != want {
		t.Errorf("%q, want %q", got, want)
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

// The page's table of codes is this package's: a code without a row, or a row that says
// something else, fails.
func TestJudgementPageHasEveryCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/judgement.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := make([]Code, 0, len(properties))
	for c := range properties {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	var want strings.Builder
	for _, c := range codes {
		v, number := ByCode(c), fmt.Sprint(uint8(c))
		if c >= firstOwn {
			number = "–"
		}
		refused := v.AsRefused()
		fmt.Fprintf(&want, "| %s | %s | %d | %s | %s | %s | %s | %s |\n", number, c, c.HTTP(), v.Whose, or(v.CountsAgainst()),
			elsewhere(v), elsewhere(refused), yes(refused.WaitedFor()))
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/judgement.md does not have this table:\n%s", want.String())
	}
}

func or(w Whose) string {
	if w == Nobody {
		return "–"
	}
	return w.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "–"
}

func elsewhere(v Verdict) string {
	switch {
	case v.Elsewhere(false):
		return "yes"
	case v.Elsewhere(true):
		return "if idempotent"
	}
	return "–"
}
