package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cloudwego/netpoll"
	"github.com/cloudwego/netpoll/mux"
)

// netpollMux is a multiplexing client on CloudWeGo's netpoll, as its authors'
// benchmark builds it: a ShardQueue gathers frames to write, OnRequest cuts
// answers from the zero-copy reader. On top of that benchmark it matches answers
// by id, in the cheapest way: a slot for each caller.
type netpollMux struct{}

func (netpollMux) Info() Info {
	return Info{
		Name:     "netpoll",
		About:    "netpoll with its mux.ShardQueue, 1 connection (2 were better only at c=8), a slot per caller instead of an id table, the inline server of raw",
		Contexts: true,
		NoWrites: true, // netpoll calls sendmsg
		Nets:     []string{"tcp", "unix"},
	}
}

func (netpollMux) Serve(env Env) (string, error) { return serveFrames(env) }

func (netpollMux) Dial(env Env) (Client, error) {
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
	return ClientFunc(func(i int) (Call, error) {
		w := &waiters[i]
		w.answer = make(chan netpoll.Reader, 1)
		return func(ctx context.Context, req []byte, check Check) error {
			writer := netpoll.NewLinkBuffer(frameHeader + len(req))
			frame, err := writer.Malloc(frameHeader + len(req))
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
		header, err := r.Peek(frameHeader)
		if err != nil {
			return err
		}
		n, id := parseHeader(header)
		frame, err := r.Slice(frameHeader + n)
		if err != nil {
			return err
		}
		if int(id) >= len(waiters) {
			return fmt.Errorf("answer to unknown id %d", id)
		}
		if w := &waiters[id]; w.waiting.CompareAndSwap(true, false) {
			w.answer <- frame
		}
		if r.Len() < frameHeader {
			return nil
		}
	}
}

func checkReader(r netpoll.Reader, check Check) error {
	frame, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	if err := check(frame[frameHeader:]); err != nil {
		return err
	}
	return r.Release()
}
