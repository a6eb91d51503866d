package contenders

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cloudwego/netpoll"
	"github.com/cloudwego/netpoll/mux"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// netpollMux is a multiplexing client on CloudWeGo's netpoll, as its authors'
// benchmark builds it: a ShardQueue gathers frames to write, OnRequest cuts
// answers from the zero-copy reader. On top of that benchmark it matches answers
// by id, in the cheapest way: a slot for each caller.
type netpollMux struct{}

func (netpollMux) Info() harness.Info {
	return harness.Info{
		Name:     "netpoll",
		About:    "netpoll with its mux.ShardQueue, 1 connection (2 were better only at c=8), a slot per caller instead of an id table, the inline server of raw",
		Contexts: true,
		NoWrites: true, // netpoll calls sendmsg
		Nets:     []string{"tcp", "unix"},
	}
}

func (netpollMux) Serve(env harness.Env) (string, error) { return serveFrames(env) }

func (netpollMux) Dial(env harness.Env) (harness.Client, error) {
	waiters := make([]netpollWaiter, env.Callers)
	conn, err := netpoll.NewDialer().DialConnection(env.Network(), env.Addr, time.Second)
	if err != nil {
		return nil, err
	}
	if err := conn.SetOnRequest(func(_ context.Context, conn netpoll.Connection) error {
		return deliver(conn.Reader(), waiters)
	}); err != nil {
		return nil, err
	}
	queue := mux.NewShardQueue(mux.ShardSize, conn)
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		w := &waiters[i]
		w.answer = make(chan netpoll.Reader, 1)
		return func(ctx context.Context, req []byte, check harness.Check) error {
			writer := netpoll.NewLinkBuffer(FrameHeader + len(req))
			frame, err := writer.Malloc(FrameHeader + len(req))
			if err != nil {
				return err
			}
			appendFrame(frame[:0], uint32(i), req)
			if err := writer.Flush(); err != nil {
				return err
			}
			w.waiting.Store(true)
			queue.Add(func() (netpoll.Writer, bool) { return writer, false })
			select {
			case r := <-w.answer:
				return checkReader(r, check)
			case <-ctx.Done():
				w.waiting.Store(false)
				return ctx.Err()
			}
		}, nil
	}), nil
}

// netpollWaiter is a caller's slot. Who turns waiting to false may send.
type netpollWaiter struct {
	waiting atomic.Bool
	answer  chan netpoll.Reader
}

// deliver hands all frames that are there to their callers.
func deliver(r netpoll.Reader, waiters []netpollWaiter) error {
	for {
		header, err := r.Peek(FrameHeader)
		if err != nil {
			return err
		}
		n, id := parseHeader(header)
		frame, err := r.Slice(FrameHeader + n)
		if err != nil {
			return err
		}
		if int(id) >= len(waiters) {
			return fmt.Errorf("answer to unknown id %d", id)
		}
		if w := &waiters[id]; w.waiting.CompareAndSwap(true, false) {
			w.answer <- frame
		}
		if r.Len() < FrameHeader {
			return nil
		}
	}
}

func checkReader(r netpoll.Reader, check harness.Check) error {
	frame, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	if err := check(frame[FrameHeader:]); err != nil {
		return err
	}
	return r.Release()
}
