package verdict

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd/lb"
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
			return unsent, true
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
	case syscall.Errno: // a datagram that was sent may be refused: ECONNREFUSED alone says nothing
		return lost, e == syscall.ECONNREFUSED || e == syscall.ECONNRESET || e == syscall.EPIPE || e == syscall.ECONNABORTED
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
	return Verdict{}, false
}
