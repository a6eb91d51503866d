package transport_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// script is what a fuzzer makes up: a list of steps, and what each of them needs.
type script struct{ rest []byte }

// next is the next byte, 0 at the end.
func (s *script) next() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

// bytes are the next n bytes, or what is left.
func (s *script) bytes(n int) []byte {
	n = min(n, len(s.rest))
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}

func (s *script) done() bool { return len(s.rest) == 0 }

// inBubble runs a story under synctest, which fails one that leaves a goroutine.
func inBubble(f *testing.F, story func(*testing.T, *script)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 400 {
			t.Skip("more steps than it takes")
		}
		synctest.Test(t, func(t *testing.T) { story(t, &script{b}) })
	})
}

// seedSteps adds each step by itself, thrice, and all of them in a row.
func seedSteps(f *testing.F, steps int) {
	all := []byte{}
	for op := range byte(steps) {
		f.Add([]byte{op, 1, 200, op, 2, 7, op, 1, 255})
		all = append(all, op, op+1, 30*op, 9)
	}
	f.Add(all)
}

// nonces are bodies that nobody else sends.
type nonces struct{ n uint64 }

func (n *nonces) next(size int) []byte {
	n.n++
	body := binary.BigEndian.AppendUint64(nil, 0xfade<<48|n.n)
	return append(body, make([]byte, size)...)
}

// honestCall makes one call with a nonce, and returns its error, or that its answer is
// another's.
func honestCall(call func(context.Context, any) (any, error), body []byte, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	got, err := call(ctx, body)
	if err == nil && string(got.([]byte)) != string(body) {
		return fmt.Errorf("%w: %x, not %x", errWrongAnswer, got, body)
	}
	return err
}

var errWrongAnswer = errors.New("a call got another's answer")

// pooled is the endpoint of a Client over a pool with one connection at a time.
func pooled(t *testing.T, p transport.Protocol, dial muxpool.PoolOption, method string) (pool *muxpool.Multiplexed, call func(context.Context, any) (any, error)) {
	pool, err := muxpool.New(muxpool.WithConnectNumber(1), dial, muxpool.WithMaxFrameSize(64<<10))
	if err != nil {
		t.Fatal(err)
	}
	return pool, transport.NewClient(pool, pipeNode, p, method, transport.EncodeBytes, transport.DecodeBytes).Endpoint()
}
