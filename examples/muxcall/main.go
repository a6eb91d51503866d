// Command muxcall calls a method of a service from the command line, as grpcurl does for
// gRPC, in muxkit's native protocol, JSON-RPC, tRPC or Thrift:
//
//	muxcall 127.0.0.1:8080 stringsvc.Count '{"s":"hello"}'
//	muxcall -rate 1000 -duration 30s 127.0.0.1:8080 stringsvc.Count '{"s":"hello"}'
//	muxcall health -watch 127.0.0.1:8080
//
// Answers go to stdout, all else to stderr, and the exit code tells a script how it ended.
// muxcall -h tells everything.
package main

import (
	"context"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends it at once, whatever it is reading
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stdout)})
	stop()
	os.Exit(code)
}

// isTerminal reports whether what is written to f is seen, and may be obeyed, by a terminal.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
