package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/examples/addsvc"
	"github.com/muxkit/muxkit/examples/addsvc/pb"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var endpoints = map[string]endpoint.Endpoint{
	"the service says no":           ends(addsvc.SumResponse{Err: addsvc.ErrTwoZeroes}, nil),
	"the endpoint returns a status": ends(nil, addsvc.ErrOverflow),
	"it returns another error":      ends(nil, errors.New("disk full")),
	"it panics":                     func(context.Context, any) (any, error) { panic("index out of range") },
	"the caller's time ends":        func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
	"there is no such method":       ends(nil, nil),
	"nobody listens":                ends(nil, nil),
}

func ends(response any, err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return response, err }
}

// TestErrorsOfThePage: what the page says of muxkit.
func TestErrorsOfThePage(t *testing.T) {
	said := pages.Table(t, "../../../docs/from-gokit-grpc.md", "| what goes wrong |")
	if len(said) != len(endpoints) {
		t.Errorf("the page has %d rows, there are %d tests", len(said), len(endpoints))
	}
	for what := range endpoints {
		t.Run(what, func(t *testing.T) {
			row := said[what]
			if row == nil {
				t.Fatal("the page has no such row")
			}
			if got := ask(t, what); got != row[2] {
				t.Errorf("%s, not %s", got, row[2])
			}
		})
	}
}

// ask makes a call of one attempt, and returns what is to be said of its end.
func ask(t *testing.T, what string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newService(addsvc.Endpoints{SumEndpoint: endpoints[what], ConcatEndpoint: endpoints[what]}, log.NewNopLogger())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	defer func() { s.Close(); bounded.Receive(t, ended) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address, method := l.Addr().String(), "pb.Add/Sum"
	switch what {
	case "nobody listens":
		address = peertest.Nobody(t)
	case "there is no such method":
		method = "pb.Add/Nowhere"
	}
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	call := muxtransport.NewClient(pool, muxtransport.Node{Network: "tcp", Address: address}, native.Protocol{}, method,
		encode(addsvc.EncodeSumRequest), decode[*pb.SumReply](addsvc.DecodeSumResponse)).Endpoint()
	var answer any
	if what == "the caller's time ends" {
		peertest.Late(ctx, func(ctx context.Context) bool {
			answer, err = call(ctx, addsvc.SumRequest{})
			return verdict.Of(err).Ran == verdict.Maybe
		})
	} else {
		answer, err = call(ctx, addsvc.SumRequest{})
	}
	if err != nil {
		v := verdict.Of(err)
		return fmt.Sprintf("%s, %s, %s", v.Code, v.Whose, v.Ran)
	}
	if errors.Is(answer.(addsvc.SumResponse).Err, addsvc.ErrTwoZeroes) {
		return "an answer"
	}
	return fmt.Sprint(answer)
}
