// Command server serves stringsvc until it is told to stop with SIGINT or
// SIGTERM; then it finishes the calls that it has and logs its metrics.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	kittransport "github.com/go-kit/kit/transport"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/examples/stringsvc"
	muxtransport "github.com/muxkit/muxkit/transport"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "the `address` to listen on")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: server [flags]\n\nServes stringsvc until SIGINT or SIGTERM comes.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	logger := log.With(log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)), "ts", log.DefaultTimestampUTC)
	if err := serve(*listen, logger); err != nil {
		_ = logger.Log("err", err)
		os.Exit(1)
	}
}

func serve(listen string, logger log.Logger) error {
	requestCount, requestLatency, metrics := stringsvc.NewMetrics()
	svc := stringsvc.New()
	svc = stringsvc.Logging(logger)(svc)
	svc = stringsvc.Instrumenting(requestCount, requestLatency)(svc)
	server := stringsvc.NewServer(svc, muxtransport.ServiceErrorHandler(kittransport.NewLogErrorHandler(logger)),
		muxtransport.ServiceDescribe()) // everybody who can connect may ask what it has: muxcall list

	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	_ = logger.Log("msg", "listening", "addr", l.Addr())

	select {
	case err := <-ended:
		return err
	case <-stop.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = server.Shutdown(ctx)
	if served := <-ended; !errors.Is(served, muxtransport.ErrServiceClosed) {
		err = errors.Join(err, served)
	}
	_ = logger.Log("msg", "stopped", "metrics", metrics)
	return err
}
