package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/muxkit/muxkit/examples/addsvc"
	"github.com/muxkit/muxkit/examples/addsvc/pb"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/internal/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var endpoints = map[string]endpoint.Endpoint{
	"the service says no":           ends(addsvc.SumResponse{Err: addsvc.ErrTwoZeroes}, nil),
	"the endpoint returns a status": ends(nil, addsvc.ErrOverflow),
	"it returns another error":      ends(nil, errors.New("disk full")),
	"it panics":                     func(context.Context, any) (any, error) { panic("index out of range") },
	"the caller's time ends":        func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
	"there is no such method":       nil,
	"nobody listens":                nil,
}

func ends(response any, err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return response, err }
}

// TestErrorsOfThePage: what the page says of go-kit's gRPC transport.
func TestErrorsOfThePage(t *testing.T) {
	said := pages.Table(t, "../../../docs/from-gokit-grpc.md", "| what goes wrong |")
	for what := range endpoints {
		t.Run(what, func(t *testing.T) {
			row := said[what]
			if row == nil {
				t.Fatal("the page has no such row")
			}
			if what != "it panics" {
				if got := ask(t, what); got != row[1] {
					t.Errorf("%s, not %s", got, row[1])
				}
				return
			}
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanic$")
			child.Env = append(os.Environ(), "MUXKIT_PANIC=1")
			out, err := child.CombinedOutput()
			if got := "the process ends"; err == nil || !strings.Contains(string(out), "panic: index out of range") || row[1] != got {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestPanic is a process that is to end.
func TestPanic(t *testing.T) {
	if os.Getenv("MUXKIT_PANIC") == "1" {
		ask(t, "it panics")
	}
}

// ask makes a call, and returns its code.
func ask(t *testing.T, what string) string {
	t.Helper()
	e := addsvc.Endpoints{SumEndpoint: endpoints[what], ConcatEndpoint: endpoints[what]}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve, shutdown := newServer(e, log.NewNopLogger())
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	defer func() { _ = shutdown(t.Context()); bounded.Receive(t, ended) }()
	address := l.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	switch what {
	case "nobody listens":
		address = peertest.Nobody(t)
	case "the caller's time ends":
		ctx, cancel = context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
	}
	client, end, err := newClient([]string{address}, log.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if what == "there is no such method" {
		conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return status.Code(conn.Invoke(ctx, "/pb.Add/Nowhere", new(pb.SumRequest), new(pb.SumReply))).String()
	}
	_, err = client.Sum(ctx, 0, 0)
	switch {
	case errors.Is(err, addsvc.ErrTwoZeroes):
		return "an answer"
	case errors.Is(err, context.DeadlineExceeded):
		return "DeadlineExceeded"
	}
	return status.Code(err).String()
}
