package verdict

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/kit/transport/http/jsonrpc"
)

// Of the kernel's errors those say that the connection is lost.
func TestWhichErrnoIsALostConnection(t *testing.T) {
	are := []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED,
		syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.ENETRESET}
	for _, e := range append(slices.Clone(are), syscall.EINVAL, syscall.EACCES, syscall.ENOENT) {
		if v, ok := known(e); ok != slices.Contains(are, e) || ok && v != lost {
			t.Errorf("%v: %v, %v", e, v, ok)
		}
	}
}

// badMarshaler is a value that cannot be written.
type badMarshaler struct{}

func (badMarshaler) MarshalJSON() ([]byte, error) { return nil, net.ErrClosed }

func decoded(text string) error {
	var v struct{ A int }
	return json.Unmarshal([]byte(text), &v)
}

func encoded(value any) error {
	_, err := json.Marshal(value)
	return err
}

// What the standard library and go-kit's own clients find is not the node's because nobody else
// knows it.
func TestWhoseAreErrorsOfThePackagesAround(t *testing.T) {
	dial := func(err error) error { return &url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Err: err}} }
	read := func(e syscall.Errno) error { return &net.OpError{Op: "read", Err: os.NewSyscallError("read", e)} }
	told := func(number int) error { return fmt.Errorf("sum: %w", jsonrpc.Error{Code: number}) }
	answer := func(c Code) Verdict { v := ByCode(c); v.Answered = true; return v }
	method, caller := Verdict{Code: CodeBadResponse, Whose: Method}, Verdict{Code: CodeEncode, Whose: Caller}
	for name, c := range map[string]struct {
		err  error
		want Verdict
	}{
		"an answer that is no JSON":                   {decoded("<html>"), method},
		"an answer that ends too early":               {decoded("{"), method},
		"an answer of another type":                   {fmt.Errorf("sum: %w", decoded(`{"A":"x"}`)), method},
		"a request that JSON has no word for":         {encoded(func() {}), caller},
		"a number that JSON has no word for":          {encoded(math.Inf(1)), caller},
		"a request that cannot write itself":          {encoded(badMarshaler{}), caller},
		"no place for the answer":                     {&json.InvalidUnmarshalError{Type: nil}, caller},
		"a body over the limit of an HTTP server":     {&http.MaxBytesError{Limit: 1}, ByCode(CodeTooLarge)},
		"no descriptor is left":                       {dial(os.NewSyscallError("socket", syscall.EMFILE)), home},
		"no descriptor is left on this machine":       {dial(os.NewSyscallError("socket", syscall.ENFILE)), home},
		"no port is left on this machine":             {dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), home},
		"a host that cannot be reached":               {dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), unsent},
		"a dial that its caller gave up":              {dial(context.Canceled), Verdict{Code: CodeCanceled, Ran: NotSent}},
		"a connection that the kernel gave up":        {read(syscall.ETIMEDOUT), lost},
		"a way that is gone":                          {read(syscall.EHOSTUNREACH), lost},
		"JSON-RPC: the service's own no":              {told(402), answer(CodeBusiness)},
		"JSON-RPC: no such method":                    {told(jsonrpc.MethodNotFoundError), answer(CodeUnimplemented)},
		"JSON-RPC: no parameters that make sense":     {told(jsonrpc.InvalidParamsError), answer(CodeInvalidArgument)},
		"JSON-RPC: no request":                        {told(jsonrpc.InvalidRequestError), answer(CodeInvalidArgument)},
		"JSON-RPC: no JSON":                           {told(jsonrpc.ParseError), answer(CodeInvalidArgument)},
		"JSON-RPC: a broken server":                   {told(jsonrpc.InternalError), answer(CodeInternal)},
		"JSON-RPC: the first number of the server's":  {told(-32000), answer(CodeUnknown)},
		"JSON-RPC: the last that is reserved":         {told(-32768), answer(CodeUnknown)},
		"JSON-RPC: the one behind":                    {told(-32769), answer(CodeBusiness)},
		"JSON-RPC: nothing said":                      {told(0), answer(CodeUnknown)},
		"go-kit's NewDelayingLimiter, no time":        {errors.New("rate: Wait(n=1) would exceed context deadline"), ByCode(CodeResourceExhausted)},
		"go-kit's NewDelayingLimiter, wrapped":        {fmt.Errorf("x: %w", errors.New("rate: Wait(n=3) exceeds limiter's burst 1")), ByCode(CodeResourceExhausted)},
		"go-kit's HandyBreaker":                       {errors.New("circuit open"), Verdict{Code: CodeUnavailable}},
		"another who begins so":                       {errors.New("circuit opens at nine"), Verdict{Code: CodeUnknown, Whose: Node}},
		"go-kit's RetryError that has no last":        {lb.RetryError{}, Verdict{Code: CodeUnknown}},
		"told by who names no code":                   {Tell(errors.New("x"), Verdict{Whose: Caller}), Verdict{Code: CodeUnknown, Whose: Caller}},
		"told by who says that nothing is to be said": {Tell(errors.New("x"), Verdict{}), Verdict{Code: CodeUnknown}},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// A dial of package net that ended with its caller's time is not the node's: the error is the same as
// that of a dial that took too long.
func TestADialInTheCallersTime(t *testing.T) {
	ended, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	_, err := new(net.Dialer).DialContext(ended, "tcp", "127.0.0.1:1")
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	late := Verdict{Code: CodeDeadlineExceeded, Whose: Method, Ran: NotSent}
	for name, row := range map[string]struct {
		ctx  context.Context
		err  error
		want Verdict
	}{
		"his time":                 {ended, err, late},
		"and his HTTP client":      {ended, &url.Error{Op: "Get", Err: err}, late},
		"a name looked up in it":   {ended, &net.DNSError{IsTimeout: true}, late},
		"the dial's time":          {context.Background(), err, unsent},
		"refused, and he had none": {ended, refused, unsent},
	} {
		if v := Call(row.ctx, nil, row.err); v != row.want {
			t.Errorf("%s: %v, want %v", name, v, row.want)
		}
	}
}
