package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/muxkit/muxkit/endpoint/filesd"
	"github.com/muxkit/muxkit/endpoint/otelmux"
	"github.com/muxkit/muxkit/endpoint/prommux"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// config is what a process of a service is told at its start.
type config struct {
	service     string
	dir         string // of the files: see files.go
	listen, ops string // addresses; of the ops port none but operators may reach
	traces      string // where spans go: "memory", "stdout", or a file's name
	takes       time.Duration
	drain       time.Duration // how long it says that it is not ready before it ends
	grace       time.Duration // how long it then has for what it was sent
}

// node is a process of a service.
type node struct {
	config
	files    files
	settings settings
	logger   *slog.Logger
	nodes    *filesd.Instancer // nil: nobody is called
	client   *client           // likewise
	service  *muxtransport.Service
	spans    *spans
	tracers  *sdktrace.TracerProvider
	sales    *os.File
	ops      *http.Server
	unsee    func()

	address, opsAddress string
	ended               chan error // of the service's and of the ops port's Serve
}

// start starts a node. It logs to logs.
func start(c config, logs io.Writer) (n *node, err error) {
	n = &node{config: c, files: filesOf(c.dir, c.service), ended: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	lines := slog.NewJSONHandler(logs, nil)
	n.logger = slog.New(otelmux.LogHandler(withIDs{lines})).With("service", c.service)
	if n.settings, err = readSettings(n.files.settings); err != nil {
		return n, err
	}
	customers, err := readCustomersKey(n.files.customers)
	if err != nil {
		return n, err
	}
	if n.spans, err = newSpans(c.traces); err != nil {
		return n, err
	}
	n.tracers = n.spans.provider(c.service)
	by := seen{n.logger, n.tracers, prommux.NewCalls()}
	g := &goods{service: c.service, takes: c.takes}
	if next := behind[c.service]; next != "" {
		if n.nodes, err = followNodes(c.dir, next); err != nil {
			return n, err
		}
		if n.client, err = newClient(next, n.nodes, n.files, n.settings, by); err != nil {
			return n, err
		}
		g.behind = n.client.methods(next)
	} else if n.sales, err = os.OpenFile(n.files.sales, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return n, err
	}
	g.sales = n.sales
	l, err := net.Listen("tcp", c.listen)
	if err != nil {
		return n, err
	}
	n.address, g.node = l.Addr().String(), l.Addr().String()
	n.service = newService(g, before(c.service), customers, n.files, by)
	go func() { n.ended <- n.service.Serve(l) }()
	return n, n.serveOps(by)
}

func (n *node) serveOps(by seen) error {
	handler, unsee, err := newOps(n.config.service, n.service, n.client, by)
	if err != nil {
		return err
	}
	n.unsee = unsee
	l, err := net.Listen("tcp", n.config.ops)
	if err != nil {
		return err
	}
	n.opsAddress = l.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.Handle("/debug/spans", n.spans)
	n.ops = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { n.ended <- n.ops.Serve(l) }()
	return nil
}

// methods are those of a service, each made once and kept.
func (c *client) methods(service string) map[string]method {
	return map[string]method{
		look: c.method(service+"."+look, true),
		buy:  c.method(service+"."+buy, false),
	}
}

// reload reads the settings again. If they make no sense the old ones stay.
func (n *node) reload() {
	s, err := readSettings(n.files.settings)
	if err == nil && n.client != nil {
		err = n.client.apply(n.settings, s)
	}
	if err != nil {
		n.logger.Error("the settings are refused, the old ones stay", "err", err)
		return
	}
	n.settings = s
	n.logger.Info("other settings are in force", "settings", s.String())
}

// shutdown ends a node so that no call is lost: probes see that it is not ready, its clients are
// told to go, what they sent is answered, and the service behind it is needed until then.
func (n *node) shutdown() error {
	n.logger.Info("not ready", "drain", n.drain.String())
	n.service.SetServing("", false)
	time.Sleep(n.drain) // as long as a probe takes to be believed
	ctx, cancel := context.WithTimeout(context.Background(), n.grace)
	defer cancel()
	err := n.service.Shutdown(ctx)
	if n.client != nil {
		err = errors.Join(err, n.client.shutdown(ctx))
	}
	err = errors.Join(err, n.close())
	n.logger.Info("ended", "err", fmt.Sprint(err))
	return err
}

// close ends at once whatever there is of a node.
func (n *node) close() (err error) {
	if n.service != nil {
		err = n.service.Close()
	}
	if n.client != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = n.client.shutdown(ended) // what is cut is cut
	}
	if n.nodes != nil {
		n.nodes.Stop()
	}
	if n.unsee != nil {
		n.unsee()
	}
	if n.ops != nil {
		err = errors.Join(err, n.ops.Close())
	}
	if n.tracers != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = errors.Join(err, n.tracers.Shutdown(ctx)) // the last spans go out
	}
	if n.sales != nil {
		err = errors.Join(err, ignore(os.ErrClosed, n.sales.Close()))
	}
	if n.spans != nil {
		err = errors.Join(err, n.spans.Close())
	}
	return err
}

// serve is the life of a process: SIGHUP has it read its settings again, SIGTERM ends it in good
// order, and so does the end of alive at once.
func serve(c config, alive <-chan struct{}, out io.Writer, logs io.Writer) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM)
	defer signal.Stop(signals)
	n, err := start(c, logs)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, n.address, n.opsAddress)
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGTERM {
				return n.shutdown()
			}
			n.reload()
		case err := <-n.ended:
			return errors.Join(err, n.close())
		case <-alive:
			return n.close()
		}
	}
}

// ignore is err, unless it is what.
func ignore(what, err error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
