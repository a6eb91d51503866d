package verdict

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/kit/transport/http/jsonrpc"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/muxpool"
)

// unsent is a call that could not be made, and was not.
var unsent = Verdict{Code: CodeUnavailable, Whose: Path, Ran: NotSent}

// lost is a call whose connection ended under it.
var lost = Verdict{Code: CodeUnavailable, Whose: Path}

// home is a call that a breaker or a balancer on this side did not make: that
// speaks against nobody anew.
var home = Verdict{Code: CodeUnavailable, Whose: Nobody, Ran: NotSent}

// sentinels are the errors of go-kit, gobreaker and the standard library that mean
// one thing wherever they come from.
var sentinels = []meaning{
	{context.Canceled, Verdict{Code: CodeCanceled, Whose: Nobody}},
	{context.DeadlineExceeded, Verdict{Code: CodeDeadlineExceeded, Whose: Method}},
	{os.ErrDeadlineExceeded, Verdict{Code: CodeDeadlineExceeded, Whose: Method}},
	{ratelimit.ErrLimited, Verdict{Code: CodeResourceExhausted, Whose: Overload, Ran: NotSent}},
	{gobreaker.ErrOpenState, home},
	{gobreaker.ErrTooManyRequests, home},
	{lb.ErrNoEndpoints, home},
	{io.EOF, lost},
	{io.ErrUnexpectedEOF, lost},
	{net.ErrClosed, lost},
	{ErrOvertaken, Verdict{Code: CodeCanceled, Whose: Nobody}},
}

// losses are the kernel's words for a connection that is lost. A datagram that was sent may be
// refused, so ECONNREFUSED alone does not say that nothing was. ETIMEDOUT is the kernel's patience
// with the peer, and nobody's who calls.
var losses = []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED,
	syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENETRESET}

// shortages are what this process lacks for a dial, wherever that goes.
var shortages = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL}

// ofDial says what it means that a dial of the standard library ended with err.
func ofDial(err error) Verdict {
	var number syscall.Errno
	switch {
	case errors.Is(err, context.Canceled):
		return Verdict{Code: CodeCanceled, Whose: Nobody, Ran: NotSent}
	case errors.As(err, &number) && slices.Contains(shortages, number):
		return home
	}
	return unsent
}

// ofJSONRPC says what the answer of a peer's means that go-kit's JSON-RPC client calls. Numbers
// outside the range that the specification reserves are the service's own.
func ofJSONRPC(number int) Verdict {
	code := CodeBusiness
	switch {
	case number == jsonrpc.ParseError, number == jsonrpc.InvalidRequestError, number == jsonrpc.InvalidParamsError:
		code = CodeInvalidArgument
	case number == jsonrpc.MethodNotFoundError:
		code = CodeUnimplemented
	case number == jsonrpc.InternalError:
		code = CodeInternal
	case number == 0, number >= -32768 && number <= -32000:
		code = CodeUnknown
	}
	v := ByCode(code)
	v.Answered = true
	return v
}

// meaning is an error, to be compared with ==, and what it means.
type meaning struct {
	err error
	Verdict
}

// known says what the error itself, not its chain, means.
func known(err error) (Verdict, bool) {
	switch e := err.(type) {
	case *muxpool.Error:
		return ofPool(e), true
	case lb.RetryError:
		v := Of(e.Final)
		for _, err := range e.RawErrors {
			v.Ran = v.Ran.Most(Of(err).Ran)
		}
		return v, true
	case *net.OpError:
		if e.Op == "dial" {
			return ofDial(e.Err), true
		}
		return Verdict{}, false // its cause says more
	case *os.SyscallError:
		if e.Syscall == "connect" {
			return unsent, true
		}
		return Verdict{}, false
	case *net.DNSError, *tls.CertificateVerificationError:
		return unsent, true
	case tls.RecordHeaderError: // also of a record that comes after the handshake
		return lost, true
	case syscall.Errno:
		return lost, slices.Contains(losses, e)
	case *json.SyntaxError, *json.UnmarshalTypeError: // an answer came, and is none
		return Verdict{Code: CodeBadResponse, Whose: Method}, true
	case *json.UnsupportedTypeError, *json.UnsupportedValueError, *json.MarshalerError, *json.InvalidUnmarshalError:
		return Verdict{Code: CodeEncode, Whose: Caller}, true
	case *http.MaxBytesError:
		return ByCode(CodeTooLarge), true
	case jsonrpc.Error:
		return ofJSONRPC(e.Code), true
	case interface{ Sent() bool }:
		if !e.Sent() {
			return unsent, true
		}
	}
	for _, table := range [...][]meaning{sentinels, poolErrors} {
		for _, m := range table {
			if err == m.err {
				return m.Verdict, true
			}
		}
	}
	if s, ok := err.(interface{ StatusCode() int }); ok {
		if c := FromHTTP(s.StatusCode()); c != 0 {
			return ByCode(c), true
		}
	}
	return ofText(err)
}

// plain is the type of errors that have a text, and nothing else.
var plain = reflect.TypeOf(errors.New(""))

// ofText knows what go-kit's middlewares return of those whom they ask, and who have no other word
// for it: the Limiter of golang.org/x/time/rate behind NewDelayingLimiter, and the breaker behind
// HandyBreaker. A server's text may say the same, so whether the call was sent it does not tell.
func ofText(err error) (Verdict, bool) {
	if reflect.TypeOf(err) != plain {
		return Verdict{}, false
	}
	switch said := err.Error(); {
	case strings.HasPrefix(said, "rate: Wait(n="):
		return ByCode(CodeResourceExhausted), true
	case said == "circuit open":
		return Verdict{Code: CodeUnavailable, Whose: Nobody}, true
	}
	return Verdict{}, false
}
