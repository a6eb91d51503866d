// Command shop is a service as it stands in production, three times over: a shop, which calls
// the orders, which call the stock. Everything is on: certificates on both sides, tokens of
// customers, ids of requests, deadlines, traces, metrics, health, a page for operators,
// settings that are read again at SIGHUP, and restarts that lose no call. How it is wired is
// in wiring.go and serve.go, and explained in docs/production.md.
//
//	go run -C examples/shop .                    # from the repository's root
//	go run -C examples/shop . -scenes all
//	go run -C examples/shop . -scenes kill,stop -rate 500
//
// It starts eight processes of itself, calls the shop at a fixed rate, three of four calls
// idempotent, and says where the pages are. With -scenes something befalls the services
// meanwhile: all are restarted in turn (restart), one of each is killed (kill) or stopped for 5 s (stop),
// orders and stock are scaled from 3 to 6 and to 2 (scale), certificates are renewed and settings changed
// (renew). What became of the calls is printed in a table, and the exit code is 0 only if the
// promises held: see promises.go.
//
// Further commands are for a single service, for its files, and for a customer's token:
//
//	shop certs -dir DIR
//	shop token -dir DIR
//	shop serve -dir DIR -service stock -listen 127.0.0.1:7001 -ops 127.0.0.1:7002
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() { os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// command runs what the arguments say and returns the exit code: 2 if they make no sense.
func command(args []string, in io.Reader, out, logs io.Writer) int {
	run, err := parse(args, in, out, logs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(logs, "shop:", err)
		return 2
	}
	if err := run(); err != nil {
		fmt.Fprintln(logs, "shop:", err)
		return 1
	}
	return 0
}

// usages are what the commands do.
var usages = map[string]string{
	"":      "Plays: starts eight processes of itself, calls the shop, and lets befall them what -scenes names.",
	"serve": "serve is one process of one service.",
	"certs": "certs writes an authority, and a certificate and key of each service.",
	"token": "token prints a customer's token.",
}

// parse says what is to be done.
func parse(args []string, in io.Reader, out, logs io.Writer) (func() error, error) {
	word := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		word, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("shop "+word, flag.ContinueOnError)
	flags.SetOutput(logs)
	flags.Usage = func() {
		fmt.Fprintf(logs, "usage: shop [serve|certs|token] [flags]\n\n%s\n\n", usages[word])
		flags.PrintDefaults()
	}
	switch word {
	case "":
		return parsePlay(flags, args, out)
	case "serve":
		return parseServe(flags, args, in, out, logs)
	case "certs":
		dir := flags.String("dir", "", "the `folder` to write to")
		err := parseAll(flags, args)
		return func() error { return makeCertificates(*dir) }, errors.Join(err, given("-dir", *dir))
	case "token":
		dir := flags.String("dir", "", "the `folder` of the key that it is signed with")
		customer := flags.String("customer", "ann", "for `whom`")
		life := flags.Duration("life", time.Hour, "how long it is good")
		err := parseAll(flags, args)
		return func() error { return printToken(out, *dir, *customer, *life) }, errors.Join(err, given("-dir", *dir))
	}
	return nil, fmt.Errorf("%q is neither serve nor certs nor token", word)
}

func parseServe(flags *flag.FlagSet, args []string, in io.Reader, out, logs io.Writer) (func() error, error) {
	var c config
	flags.StringVar(&c.service, "service", "", "`which`: shop, orders or stock")
	flags.StringVar(&c.dir, "dir", "", "the `folder` of certificates, settings, and lists of nodes")
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "the `address` to serve on")
	flags.StringVar(&c.ops, "ops", "127.0.0.1:0", "the `address` for operators, which nobody else may reach")
	flags.StringVar(&c.traces, "traces", "memory", "where spans go beside the memory: stdout, or a `file`")
	flags.DurationVar(&c.takes, "takes", 0, "how long the service's own part of a call takes")
	flags.DurationVar(&c.drain, "drain", 5*time.Second, "at SIGTERM, how long to serve on while probes see that it is not ready")
	flags.DurationVar(&c.grace, "grace", 20*time.Second, "how long the calls in flight then have")
	tied := flags.Bool("tied", false, "end with stdin")
	err := errors.Join(parseAll(flags, args), given("-dir", c.dir))
	if err == nil && !slices.Contains(services, c.service) {
		err = fmt.Errorf("-service %q is none of %v", c.service, services)
	}
	if c.drain < 0 || c.grace <= 0 || c.takes < 0 {
		err = errors.Join(err, errors.New("-drain and -takes may not be negative, and -grace must be above 0"))
	}
	return func() error {
		alive := make(chan struct{})
		if *tied {
			signal.Ignore(os.Interrupt) // Ctrl-C is for the parent, whose end closes stdin
			go func() {
				_, _ = io.Copy(io.Discard, in)
				close(alive)
			}()
		}
		return serve(c, alive, out, logs)
	}, err
}

func parsePlay(flags *flag.FlagSet, args []string, out io.Writer) (func() error, error) {
	p := play{out: out}
	plan := flags.Bool("plan", false, "only say what would be played")
	flags.Var(&p.scenes, "scenes", "which `scenes` to play, separated by commas, or all")
	flags.IntVar(&p.rate, "rate", 200, "how many `calls` a second are made, whether earlier ones were answered or not")
	flags.DurationVar(&p.timeout, "timeout", 3*time.Second, "how long a caller waits for an answer, through both hops")
	flags.DurationVar(&p.stop, "stop", 5*time.Second, "how long a process is stopped in the scene stop")
	flags.DurationVar(&p.settle, "settle", time.Second, "how long to wait after each blow")
	flags.DurationVar(&p.duration, "duration", 0, "without scenes, how long to make calls; 0: until Ctrl-C")
	flags.StringVar(&p.dir, "dir", "", "the `folder` for certificates, settings and logs, which is kept; default one that is not")
	flags.StringVar(&p.traces, "traces", "memory", "where processes write spans: memory, or `files` in the folder")
	err := errors.Join(parseAll(flags, args), p.check())
	return func() error {
		if *plan {
			p.tell()
			return nil
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return p.run(ctx)
	}, err
}

func parseAll(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q?", flags.Arg(0))
	}
	return nil
}

func given(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is wanted", name)
	}
	return nil
}
