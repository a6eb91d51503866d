// Command client calls stringsvc with each of its arguments.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/stringsvc"
	"github.com/muxkit/muxkit/muxpool"
)

func main() {
	nodes := flag.String("nodes", "127.0.0.1:8080", "the `addresses` of the nodes to call, separated by commas")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: client [flags] TEXT...\n\nPrints each TEXT in upper case, and of how many characters it is, as stringsvc says.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	logger := log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr))
	if err := call(strings.Split(*nodes, ","), flag.Args(), logger); err != nil {
		_ = logger.Log("err", err)
		os.Exit(1)
	}
}

func call(nodes, texts []string, logger log.Logger) error {
	pool, err := muxpool.New()
	if err != nil {
		return err
	}
	defer pool.Close() //nolint:errcheck // it is always nil
	breakers := breaker.NewGroup()
	defer breakers.Close()
	defer breakers.Watch(pool)()
	set := muxendpoint.NewSet(sd.FixedInstancer(nodes), logger,
		muxendpoint.WithBreakers(breakers), muxendpoint.WithRetry(3, time.Second))
	defer set.Close()

	uppercase := muxendpoint.TypedFrom[stringsvc.UppercaseRequest, stringsvc.UppercaseResponse](
		set.Endpoint(stringsvc.MethodUppercase, stringsvc.UppercaseClient(pool)))
	count := muxendpoint.TypedFrom[stringsvc.CountRequest, stringsvc.CountResponse](
		set.Endpoint(stringsvc.MethodCount, stringsvc.CountClient(pool)))

	var failed error
	for _, s := range texts {
		upper, err := uppercase(context.Background(), stringsvc.UppercaseRequest{S: s})
		if err = errors.Join(err, upper.Failed()); err != nil {
			failed = errors.Join(failed, fmt.Errorf("uppercase %q: %w", s, err))
			continue
		}
		n, err := count(context.Background(), stringsvc.CountRequest{S: s})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("count %q: %w", s, err))
			continue
		}
		fmt.Printf("%s %d\n", upper.V, n.V)
	}
	return failed
}
