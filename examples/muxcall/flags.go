package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// The bounds of what may be asked for.
const (
	maxConns   = 64
	maxCallers = 100_000
	maxCalls   = 100_000_000 // of a load: about as many as are due in it
)

// config is what the command line of a call says.
type config struct {
	target
	method   string
	body     []byte
	verbose  bool
	oneWay   bool
	n        int
	callers  int
	conns    int
	rate     int
	duration time.Duration
}

// parseCall reads the command line of a call. Every error of it is a *usageError, or
// flag.ErrHelp.
func parseCall(args []string, stdin io.Reader) (*config, error) {
	c := new(config)
	fs := newFlags(c)
	if err := parse(fs, args); err != nil {
		return nil, err
	}
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := operands(fs.Args(), 2, 3, "ADDRESS METHOD [BODY]"); err != nil {
		return nil, err
	}
	if err := c.resolve(fs.Arg(0)); err != nil {
		return nil, err
	}
	if p, is := c.plug.(trpc.Protocol); is && c.oneWay {
		c.plug = trpc.KeepAlive{Protocol: p} // for what it can be asked after the call: see seeOff
	}
	if c.method = fs.Arg(1); c.method == "" {
		return nil, misused("METHOD is empty")
	}
	if err := c.check(given); err != nil {
		return nil, err
	}
	var err error
	c.body, err = readBody(fs.Arg(2), fs.NArg() == 3, c.raw, stdin)
	return c, err
}

func (c *config) flags(fs *flag.FlagSet) {
	c.target.flags(fs)
	c.sends(fs)
	fs.BoolVar(&c.raw, "raw", false, "")
	fs.BoolVar(&c.verbose, "v", false, "")
	fs.BoolVar(&c.oneWay, "oneway", false, "")
	fs.IntVar(&c.n, "n", 1, "")
	fs.IntVar(&c.callers, "c", 0, "")
	fs.IntVar(&c.conns, "conns", 1, "")
	fs.IntVar(&c.rate, "rate", 0, "")
	durationVar(fs, &c.duration, "duration", 0)
}

// newFlags returns the flags of a command, which tell nothing themselves: run tells the error,
// and the help is a text of its own.
func newFlags(c interface{ flags(*flag.FlagSet) }) *flag.FlagSet {
	fs := flag.NewFlagSet("muxcall", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.flags(fs)
	return fs
}

// durationVar is FlagSet.DurationVar, but for the error.
func durationVar(fs *flag.FlagSet, p *time.Duration, name string, value time.Duration) {
	*p = value
	fs.Func(name, "", func(s string) (err error) {
		if *p, err = time.ParseDuration(s); err != nil {
			return errors.New("it is no time with its unit, as 500ms or 5s are")
		}
		return nil
	})
}

// foreign are flags that somebody may know from grpcurl or curl, and what they are here.
var foreign = map[string]string{
	"d": "BODY comes behind METHOD", "plaintext": "plaintext is what there is without -tls", "cacert": "-ca", "max-time": "-timeout",
	"connect-timeout": "-timeout", "rpc-header": "-H", "format": "BODY is JSON, or bytes with -raw", "proto": "-raw sends bytes",
	"import-path": "-raw sends bytes", "k": "-insecure", "vv": "-v", "X": "METHOD comes behind ADDRESS",
}

func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	if name, undefined := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); undefined {
		if here, known := foreign[name]; known {
			return misused("there is no flag -%s; here it is: %s", name, here)
		}
		return misused("there is no flag -%s", name)
	}
	return &usageError{err}
}

// operands checks how many there are of what follows the flags.
func operands(args []string, least, most int, want string) error {
	switch {
	case len(args) < least:
		return misused("%s is wanted, there are %d of them", want, len(args))
	case len(args) > most:
		return misused("%q is one too many: %s is all, and flags come first", args[most], want)
	}
	return nil
}

// check finds flags that make no sense, alone or together, and sets defaults.
func (c *config) check(given map[string]bool) error {
	load := given["rate"] || given["duration"]
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(c.n < 1, "-n=%d is under 1", c.n)
	refuse(given["c"] && (c.callers < 1 || c.callers > maxCallers), "-c=%d is not within 1 to %d", c.callers, maxCallers)
	refuse(c.conns < 1 || c.conns > maxConns, "-conns=%d is not within 1 to %d", c.conns, maxConns)
	refuse(load && given["n"], "-n and -rate exclude each other: a load is as long as -duration")
	refuse(c.verbose && (load || c.n > 1), "-v is for one call")
	refuse(given["duration"] && !given["rate"], "-duration needs -rate")
	refuse(given["rate"] && !given["duration"], "-rate needs -duration")
	refuse(given["rate"] && (c.rate < 1 || c.rate > 1_000_000), "-rate=%d is not within 1 to 1000000", c.rate)
	refuse(given["duration"] && c.duration <= 0, "-duration=%v is not over 0", c.duration)
	refuse(load && c.duration.Seconds()*float64(c.rate) > maxCalls, "-rate=%d for -duration=%v is over %d calls", c.rate, c.duration, maxCalls)
	refuse(load && c.timeout == 0, "-timeout=0: each call of a load has to end")
	if _, ok := c.plug.(transport.OneWayer); c.oneWay && !ok {
		refuse(true, "-oneway: %s has no one-way calls", c.protocol)
	}
	refuse(c.isThrift() && !c.raw, "-protocol=%s needs -raw: BODY and answer are Thrift's structs, as bytes", c.protocol)
	refuse(c.isJSONRPC() && len(c.metadata) > 0, "-H: JSON-RPC carries no metadata")
	refuse(c.protocol == "thrift" && len(c.metadata) > 0, "-H: framed Thrift carries no metadata; with a TTHeader (-protocol=ttheader) it does")
	if c.callers == 0 {
		if c.callers = 1; load {
			c.callers = 256
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &usageError{errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))}
	}
	return nil
}
