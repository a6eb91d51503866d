package grpcstatus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

const waitTime = 20 * time.Second

func asIs(_ context.Context, v any) (any, error) { return v, nil }

// served starts a real gRPC server with one method, go-kit's transport around the
// endpoint, and returns the endpoint of go-kit's client for it.
func served(t *testing.T, e endpoint.Endpoint) endpoint.Endpoint {
	t.Helper()
	handler := kitgrpc.NewServer(e, asIs, asIs)
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "test.S", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "M",
		Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(wrapperspb.StringValue)
			if err := decode(in); err != nil {
				return nil, err
			}
			_, out, err := handler.ServeGRPC(ctx, in)
			return out, err
		},
	}}}, struct{}{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		s.Stop()
		bounded.Receive(t, ended)
	})
	return kitgrpc.NewClient(conn, "test.S", "M", asIs, asIs, &wrapperspb.StringValue{}).Endpoint()
}

func call(t *testing.T, ep endpoint.Endpoint) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	_, err := ep(ctx, wrapperspb.String("x"))
	return err
}

// Every error of muxkit leaves go-kit's gRPC server as a status of its own, and is
// understood on the other side.
func TestErrorsLeaveAsStatusesAndAreUnderstood(t *testing.T) {
	var fails error
	call1 := served(t, Middleware(func(context.Context, any) (any, error) { return nil, fails }))
	for name, c := range map[string]struct {
		err  error
		want codes.Code
	}{
		"not found":           {&transport.Error{Code: transport.CodeNotFound}, codes.NotFound},
		"unauthenticated":     {&transport.Error{Code: transport.CodeUnauthenticated}, codes.Unauthenticated},
		"business":            {transport.Business(402, "no funds"), codes.FailedPrecondition},
		"too large":           {&transport.Error{Code: transport.CodeTooLarge}, codes.InvalidArgument},
		"connection":          {&transport.Error{Code: transport.CodeConnection}, codes.Unavailable},
		"encode":              {&transport.Error{Code: transport.CodeEncode}, codes.Internal},
		"a newer code":        {&transport.Error{Code: 100}, codes.ResourceExhausted},
		"an open breaker":     {&breaker.OpenError{Node: muxpool.Node{Network: "tcp", Address: "a:1"}, RetryAfter: time.Second}, codes.Unavailable},
		"wrapped":             {fmt.Errorf("stock: %w", &transport.Error{Code: transport.CodeAborted}), codes.Aborted},
		"a context's":         {context.DeadlineExceeded, codes.DeadlineExceeded},
		"nothing known":       {errors.New("x"), codes.Unknown},
		"a status already":    {status.Error(codes.DataLoss, "x"), codes.DataLoss},
		"one that is wrapped": {fmt.Errorf("x: %w", status.Error(codes.OutOfRange, "y")), codes.OutOfRange},
	} {
		fails = c.err
		err := call(t, call1)
		if got := status.Code(err); got != c.want {
			t.Errorf("%s: arrives as %v (%v), want %v", name, got, err, c.want)
		}
		v, ok := Rule(err)
		if want := verdict.ByCode(verdict.Code(c.want)); !ok || v.Code != want.Code || v.Whose != want.Whose || v.Ran != verdict.Maybe {
			t.Errorf("%s: understood as %v", name, v)
		}
		if name == "an open breaker" && v.RetryAfter != time.Second {
			t.Errorf("%s: retry after %v", name, v.RetryAfter)
		}
	}
}

func TestMiddlewareLeavesAnswersAlone(t *testing.T) {
	if err := call(t, served(t, Middleware(func(_ context.Context, r any) (any, error) { return r, nil }))); err != nil {
		t.Error(err)
	}
	boom := errors.New("boom")
	_, err := Middleware(func(context.Context, any) (any, error) { return nil, boom })(t.Context(), nil)
	if !errors.Is(err, boom) || err.Error() != "boom" {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestRuleKnowsStatusesOnly(t *testing.T) {
	for _, err := range []error{errors.New("x"), &transport.Error{Code: transport.CodeInternal}} {
		if v, ok := Rule(err); ok {
			t.Errorf("%v is %v", err, v)
		}
	}
}
