package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/transport"
)

// runCall is muxcall without a subcommand.
func runCall(ctx context.Context, args []string, s streams) (int, error) {
	c, err := parseCall(args, s.in)
	if err != nil {
		return 0, err
	}
	pool, err := newPool(c.conns, c.timeout)
	if err != nil {
		return 0, err
	}
	defer pool.Close() //nolint:errcheck // it is always nil
	c.warn(s)
	var options []transport.ClientOption
	if c.oneWay {
		options = append(options, transport.ClientOneWay())
	}
	if c.rate > 0 {
		return runLoad(ctx, c, c.client(pool, c.method, options...), s)
	}
	client := c.client(pool, c.method, append(options, transport.ClientAfter(noteAnswer))...)
	call := client.Endpoint()
	p := &printer{streams: s, config: c}
	if c.n == 1 {
		var a answer
		body, err := call(context.WithValue(ctx, answerKey{}, &a), c.body)
		if err == nil {
			err = p.print(body)
		}
		if err != nil {
			explain(s, err, &c.target)
		}
		a.show(s, c.verbose)
		c.seeOff(ctx, client, s, err == nil)
		return ended(ctx, exitCode(err)), nil
	}
	sum := p.repeat(ctx, func(ctx context.Context) (any, error) { return call(ctx, c.body) })
	c.seeOff(ctx, client, s, sum.good.count > 0)
	if ctx.Err() != nil {
		return exitInterrupted, nil
	}
	return sum.exit, nil
}

// seeOff waits, after one-way calls, until the node has shown that it has read them: some
// servers, such as tRPC-Go's, drop what they have not read when a connection ends.
func (c *config) seeOff(ctx context.Context, client *transport.Client, s streams, sent bool) {
	if !c.oneWay || !sent || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, min(cmp.Or(c.timeout, maxFarewell), maxFarewell))
	defer cancel()
	if _, err := client.Probe(ctx); err != nil && !errors.Is(err, transport.ErrNotServing) {
		s.say("the one-way call was sent, and nothing shows that the node has read it: %s", text.Said(err.Error(), maxText))
	}
}

// maxFarewell bounds how long a node is waited for after one-way calls.
const maxFarewell = 2 * time.Second

// ended is code, but for a command that was interrupted.
func ended(ctx context.Context, code int) int {
	if ctx.Err() != nil && code != exitOK {
		return exitInterrupted
	}
	return code
}

type answerKey struct{}

// noteAnswer keeps what is shown of an answer beside its body.
func noteAnswer(ctx context.Context, resp *transport.Message) context.Context {
	if a, ok := ctx.Value(answerKey{}).(*answer); ok {
		a.metadata = resp.Metadata
		if resp.Err != nil {
			a.refusal = append([]byte(nil), resp.Body...)
		}
	}
	return ctx
}

// printer writes answers to stdout. It is safe for concurrent use.
type printer struct {
	streams
	*config
	mu sync.Mutex // held while an answer is written, so that none is torn
}

// print writes an answer, unless it is empty, as that of a one-way call.
func (p *printer) print(response any) error {
	body, ok := response.([]byte)
	if !ok || len(body) == 0 {
		return nil
	}
	shown := body
	switch {
	case p.raw && p.terminal:
		shown = []byte(strconv.Quote(string(body)) + "\n")
	case !p.raw:
		if shown, ok = showJSON(body); !ok {
			return &transport.Error{Code: transport.CodeBadResponse, Node: p.node, Method: p.method,
				Err: fmt.Errorf("the answer of %d bytes is no JSON (-raw shows it as it is): %s", len(body), text.Quoted(string(body), 200))}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.out.Write(shown); err != nil {
		return &outputError{err}
	}
	return nil
}

// outputError is an answer that could not be written.
type outputError struct{ err error }

func (e *outputError) Error() string { return "stdout: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// repeat makes -n calls from -c callers, each its next when its last has ended, and prints
// the answers in the order in which they come.
func (p *printer) repeat(ctx context.Context, call func(context.Context) (any, error)) *tally {
	sum := new(tally)
	var begun atomic.Int64
	var wg sync.WaitGroup
	var broken atomic.Bool // nobody reads the answers any more
	start := time.Now()
	for range min(p.callers, p.n) {
		wg.Go(func() {
			for ctx.Err() == nil && !broken.Load() && begun.Add(1) <= int64(p.n) {
				at := time.Now()
				response, err := call(ctx)
				took := time.Since(at)
				if err == nil {
					err = p.print(response)
				}
				var output *outputError
				broken.CompareAndSwap(false, errors.As(err, &output))
				if err == nil || ctx.Err() == nil {
					sum.add(took, err)
				}
			}
		})
	}
	wg.Wait()
	sum.report(p.err, time.Since(start), "latency counts from when a call began")
	return sum
}
