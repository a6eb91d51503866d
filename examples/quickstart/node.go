package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/examples/quickstart/addsvc"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// nodeEnv makes this program a node; its value is the address to listen on.
const nodeEnv = "MUXKIT_QUICKSTART_NODE"

// work is how long a node takes for a call, so that there are calls in flight
// when it is killed.
const work = 3 * time.Millisecond

// nodeMain serves addsvc on address until in ends. It prints the address that it
// listens on and then, for every line on in, how many calls it has received.
func nodeMain(address string, in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt) // Ctrl-C is for the parent, which then ends in
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	var received atomic.Int64
	endpoints := addsvc.NewEndpoints(addsvc.NewService())
	endpoints.Sum = counting(&received)(working(work)(endpoints.Sum))
	endpoints.Concat = counting(&received)(working(work)(endpoints.Concat))
	server := addsvc.NewServer(endpoints)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()

	fmt.Fprintln(out, l.Addr())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		fmt.Fprintln(out, received.Load())
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err = server.Shutdown(ctx)
	if served := <-ended; !errors.Is(served, muxtransport.ErrServiceClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// counting counts the calls that arrive.
func counting(n *atomic.Int64) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			n.Add(1)
			return next(ctx, request)
		}
	}
}

// working makes each call take d.
func working(d time.Duration) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			select {
			case <-time.After(d):
				return next(ctx, request)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}
