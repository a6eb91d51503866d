// Command cluster is a service on many machines: six nodes in two zones, four clients that find
// them in an etcd of three members, each a process, and what befalls them.
//
//	go run -C examples/cluster .                  # from the repository's root
//	go run -C examples/cluster . -scenes kill,etcd
//	go run -C examples/cluster . -stay
//
// Nodes are killed and added, a member of etcd is lost, then all of etcd for longer than
// leases last, then with most of a zone's nodes, then the zones are parted, then everything is deployed anew, all under
// load. Half of the clients prefer the nodes of their zone. Meanwhile
// each client has a page that shows what it sees, at an address that is printed. What
// became of the calls is printed in a table, and the exit code is 0 only if the promises held: see
// promises.go and zones.go. With -stay all goes on afterwards, until Ctrl-C.
//
// Each zone is a network namespace that this program makes for itself, as Linux lets root do; they
// end with it. Where that is not allowed all runs on the loopback device, and the scene in which
// the zones are parted is left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if isAct(os.Args) {
		os.Exit(act(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	p, err := parse(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(2)
	case p.plan:
		p.tell()
		return
	}
	os.Exit(p.command(os.Stderr))
}

// command plays, and returns the exit code.
func (p *play) command(logs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := p.run(ctx); err != nil {
		fmt.Fprintln(logs, "cluster:", err)
		return 1
	}
	return 0
}

// parse reads what is to be played.
func parse(args []string, out, logs io.Writer) (*play, error) {
	p := &play{scenes: scenes, out: out}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(logs)
	flags.BoolVar(&p.plan, "plan", false, "only say what would be played")
	flags.BoolVar(&p.stay, "stay", false, "go on afterwards, until Ctrl-C")
	flags.Var(&p.scenes, "scenes", "which `scenes` to play, separated by commas")
	flags.IntVar(&p.rate, "rate", 50, "how many `calls` a second each client makes, whether earlier ones were answered or not")
	flags.DurationVar(&p.lease, "lease", 4*time.Second, "how long a node's lease lasts without it, in whole seconds")
	flags.DurationVar(&p.outage, "outage", 10*time.Second, "how long etcd is away in the scene etcd; more than twice as long as a lease lasts")
	flags.StringVar(&p.dir, "dir", "", "the `folder` for logs and data, which is kept; default one that is not")
	flags.Usage = func() {
		fmt.Fprint(logs, "usage: cluster [flags]\n\nStarts an etcd, nodes and clients, lets something befall them, and tells what became of the calls.\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("what is %q?", flags.Arg(0))
	}
	return p, p.check()
}

func (p *play) check() error {
	return errors.Join(
		unless(p.rate >= 10 && p.rate <= 1000, "-rate=%d is not from 10 to 1000", p.rate),
		unless(p.lease >= 2*time.Second && p.lease <= time.Minute && p.lease%time.Second == 0, "-lease=%v is not from 2s to 1m, in whole seconds", p.lease),
		unless(p.outage > 2*p.lease && p.outage <= 10*time.Minute, "-outage=%v is not over twice as long as a lease, which lasts for %v, and at most 10m", p.outage, p.lease))
}
