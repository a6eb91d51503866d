package profilesvc

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-kit/log"
)

// Program is a program that serves the service, and calls it, over some transport.
type Program struct {
	Server func(e Endpoints, logger log.Logger) Server
	Client func(nodes []string, logger log.Logger) (s Service, end func(), err error)
}

// Server is what *http.Server and muxkit's *transport.Service have in common.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// Main is the program's main function.
func (p Program) Main() {
	listen := flag.String("listen", "", "serve on this `address` until SIGINT or SIGTERM comes")
	nodes := flag.String("nodes", "", "call the service at these `addresses`, separated by commas")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: %s [flags]\n\nServes profiles, or calls who does; without flags it does both.\n\n", filepath.Base(os.Args[0]))
		flag.PrintDefaults()
	}
	flag.Parse()
	logger := log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr))
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var err error
	switch {
	case flag.NArg() > 0 || *listen != "" && *nodes != "":
		flag.Usage()
		os.Exit(2)
	case *listen != "":
		err = p.serve(*listen, logger, func(net.Addr) error { <-stop.Done(); return nil })
	case *nodes != "":
		err = p.call(strings.Split(*nodes, ","), logger)
	default:
		err = p.serve("127.0.0.1:0", logger, func(a net.Addr) error { return p.call([]string{a.String()}, logger) })
	}
	if err != nil {
		_ = logger.Log("err", err)
		os.Exit(1)
	}
}

// serve serves until until returns, and those who were called meanwhile have their answers.
func (p Program) serve(address string, logger log.Logger, until func(net.Addr) error) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := p.Server(NewEndpoints(New()).Wrap(Logging(logger)), logger)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	_ = logger.Log("msg", "listening", "addr", l.Addr())
	err = until(l.Addr())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(err, server.Shutdown(ctx))
	<-ended // it has no more to say than Shutdown
	return err
}

func (p Program) call(nodes []string, logger log.Logger) error {
	client, end, err := p.Client(nodes, logger)
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithTimeout(WithRequestID(context.Background(), "play-1"), 10*time.Second)
	defer cancel()
	return Play(ctx, client, os.Stdout)
}

// Play calls each method, some so that the service says no, and tells what came of it. It returns
// what did not come of the service.
func Play(ctx context.Context, s Service, w io.Writer) error {
	ann := Profile{ID: "ann", Name: "Ann"}
	var failed error
	tell := func(what string, err error) {
		switch {
		case err == nil:
			fmt.Fprintf(w, "%s: ok\n", what)
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrAlreadyExists), errors.Is(err, ErrInconsistentIDs):
			fmt.Fprintf(w, "%s: no, %v\n", what, err)
		default:
			failed = errors.Join(failed, fmt.Errorf("%s: %w", what, err))
		}
	}
	get := func() {
		p, err := s.GetProfile(ctx, ann.ID)
		tell(fmt.Sprintf("get: %q", p.Name), err)
	}
	tell("post", s.PostProfile(ctx, ann))
	tell("post again", s.PostProfile(ctx, ann))
	get()
	tell("put as another", s.PutProfile(ctx, "bob", ann))
	ann.Name = "Anna"
	tell("put", s.PutProfile(ctx, ann.ID, ann))
	get()
	tell("delete", s.DeleteProfile(ctx, ann.ID))
	get()
	return failed
}
