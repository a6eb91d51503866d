package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // out is one: bytes of others are not written to it as they are
}

// say writes a line to stderr.
func (s streams) say(format string, args ...any) {
	fmt.Fprintf(s.err, "muxcall: "+format+"\n", args...)
}

// commandNames are the words that may come first; without one it is call.
var commandNames = []string{"call", "list", "describe", "health", "top", "completion"}

// commandOf returns what runs the command of that name; nil if there is none.
func commandOf(name string) func(context.Context, []string, streams) (int, error) {
	switch name {
	case "call":
		return runCall
	case "list":
		return runList
	case "describe":
		return runDescribe
	case "health":
		return runHealth
	case "top", "-top", "--top":
		return runTop
	case "completion":
		return runCompletion
	case "complete": // for the scripts of completion
		return runComplete
	}
	return nil
}

// run is the command, and returns its exit code.
func run(ctx context.Context, args []string, s streams) int {
	named := runCall
	if len(args) > 0 {
		if f := commandOf(args[0]); f != nil {
			named, args = f, args[1:]
		}
	}
	code, err := named(ctx, args, s)
	var usage *usageError
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(s.out, help)
		if err != nil {
			return exitUnknown
		}
		return exitOK
	case errors.As(err, &usage):
		s.say("%s (muxcall -h tells more)", text.Said(usage.Error(), maxText))
		return exitUsage
	case err != nil:
		explain(s, err, nil)
		return exitCode(err)
	}
	return code
}

// usageError is a mistake in the command line, or in what it names.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func misused(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// newPool returns the pool of a command. A connection may take all of the time that a call
// has: there is no other node to go to.
func newPool(conns int, timeout time.Duration) (*muxpool.Multiplexed, error) {
	options := []muxpool.PoolOption{muxpool.WithConnectNumber(conns), muxpool.WithMaxFrameSize(maxBody), muxpool.WithRecvLimit(maxBody)}
	if timeout > 0 {
		options = append(options, muxpool.WithDialTimeout(timeout))
	}
	return muxpool.New(options...)
}
