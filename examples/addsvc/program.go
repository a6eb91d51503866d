package addsvc

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/go-kit/log"
)

// Program is a program that serves the service, and calls it, over some transport.
type Program struct {
	// Server returns how to serve a listener, and how to end that in peace.
	Server func(e Endpoints, logger log.Logger) (serve func(net.Listener) error, shutdown func(context.Context) error)
	Client func(nodes []string, logger log.Logger) (s Service, end func(), err error)
}

// Main is the program's main function.
func (p Program) Main() {
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: %s\n\nServes the service on a port of the loopback, calls it, and ends.\n", filepath.Base(os.Args[0]))
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := p.run(os.Stdout, log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (p Program) run(w io.Writer, logger log.Logger) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serve, shutdown := p.Server(NewEndpoints(New()), logger)
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	ctx, cancel := context.WithTimeout(WithRequestID(context.Background(), "play-1"), 10*time.Second)
	defer cancel()
	client, end, err := p.Client([]string{l.Addr().String()}, logger)
	if err == nil {
		err = Play(ctx, client, w)
		end()
	}
	err = errors.Join(err, shutdown(ctx))
	<-ended // it has no more to say than shutdown
	return err
}

// Play calls each method, some so that the service says no, and tells what came of it.
func Play(ctx context.Context, s Service, w io.Writer) error {
	var failed error
	for _, c := range [][2]int64{{40, 2}, {0, 0}} {
		v, err := s.Sum(ctx, c[0], c[1])
		failed = errors.Join(failed, tell(w, fmt.Sprintf("%d + %d = %d", c[0], c[1], v), err))
	}
	for _, c := range [][2]string{{"mux", "kit"}, {"far too", " long"}} {
		v, err := s.Concat(ctx, c[0], c[1])
		failed = errors.Join(failed, tell(w, fmt.Sprintf("%q + %q = %q", c[0], c[1], v), err))
	}
	return failed
}

func tell(w io.Writer, what string, err error) error {
	switch {
	case err == nil:
		fmt.Fprintf(w, "%s: ok\n", what)
	case errors.Is(err, ErrTwoZeroes), errors.Is(err, ErrMaxSizeExceeded):
		fmt.Fprintf(w, "%s: no, %v\n", what, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
