package muxpool_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// The parts of a parser that panic, one each.
type (
	panicIDs struct {
		muxtest.Parser
		_ int
	}
	panicKinds struct {
		muxtest.Parser
		_ int
	}
	panicKeepAlive struct {
		muxtest.Parser
		_ int
	}
	panicHandshake struct {
		muxtest.Parser
		_ int
	}
)

func (panicIDs) IDSpace() muxpool.IDSpace                         { panic("ids") }
func (panicKinds) ClassifyFrame(uint32, []byte) muxpool.FrameKind { panic("kinds") }
func (panicKeepAlive) AppendKeepAlive([]byte, uint32) []byte      { panic("keepalive") }
func (panicHandshake) Handshake(context.Context, net.Conn) error  { panic("handshake") }

// TestPluginPanics: a panic in any part of a plug-in ends a connection or a Get,
// never the process.
func TestPluginPanics(t *testing.T) {
	for _, test := range []struct {
		name   string
		parser muxpool.FrameParser
		act    muxtest.Action
		want   error
	}{
		{"ids", panicIDs{}, nil, muxpool.ErrInvalidOption},
		{"kinds", panicKinds{}, nil, muxpool.ErrProtocol},
		{"keepalive", panicKeepAlive{}, muxtest.Drop, muxpool.ErrProtocol},
		{"handshake", panicHandshake{}, nil, muxpool.ErrProtocol},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, setup{parser: test.parser, act: test.act, alone: true}, func(w *world) {
				err := w.callFor(time.Minute)
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.name) {
					w.Errorf("got %v, want %v and the panic's text", err, test.want)
				}
			})
		})
	}
}

func TestPreWarmProves(t *testing.T) {
	inBubble(t, setup{parser: alive{}}, func(w *world) {
		n := w.caller.Node
		warm := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			return w.pool.PreWarm(ctx, n.Network, n.Address, w.caller.Opts)
		}
		w.victim.Do(muxtest.Drop)
		w.failed(warm(500*time.Millisecond), context.DeadlineExceeded, false)
		w.victim.Do(muxtest.Echo)
		if err := warm(5 * time.Second); err != nil {
			w.Error(err)
		}
	})
}

func TestNilArguments(t *testing.T) {
	if pool, err := muxpool.New(nil); pool != nil || !errors.Is(err, muxpool.ErrInvalidOption) {
		t.Errorf("New(nil): %v, %v", pool, err)
	}
	inBubble(t, setup{}, func(w *world) {
		w.pool.Subscribe(nil)()
		var none context.Context
		_, err := w.caller.Get(none)
		w.failed(err, muxpool.ErrInvalidOption, false)
		mc := w.get(context.Background())
		defer mc.Close()
		w.failed(mc.Write(nil), muxpool.ErrInvalidOption, false)
		if err := muxtest.Exchange(mc, nil); err != nil {
			w.Error(err)
		}
	})
}

// TestContextCause: the cause of a context's end is told.
func TestContextCause(t *testing.T) {
	cause := errors.New("the user pressed a button")
	inBubble(t, setup{act: muxtest.Drop}, func(w *world) {
		ctx, cancel := context.WithCancelCause(context.Background())
		mc := w.get(ctx)
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
			w.Fatal(err)
		}
		cancel(cause)
		_, err := mc.Read()
		w.failed(err, context.Canceled, true)
		w.failed(err, cause, true)
	})
}

// TestAnswerBeforeTheEnd: an answer that arrived before its connection died, its
// context ended or both, may still be read.
func TestAnswerBeforeTheEnd(t *testing.T) {
	inBubble(t, setup{act: muxtest.AnswerAndClose}, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		mc := w.get(ctx)
		defer mc.Close()
		call := muxtest.NewCall(mc, nil)
		if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
			w.Fatal(err)
		}
		w.settle()
		cancel()
		w.settle()
		if err := muxtest.Expect(mc, call); err != nil {
			w.Error(err)
		}
		if _, err := mc.Read(); err == nil {
			w.Error("one more answer")
		}
	})
}

// TestOneWay: Write tells whether the kernel has the frame; no id stays behind.
func TestOneWay(t *testing.T) {
	inBubble(t, setup{parser: few(0, 7, 0), act: muxtest.StopReading, opts: one}, func(w *world) {
		oneWay := (*muxpool.GetOptions).WithOneWay
		write := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			mc := w.get(ctx, oneWay)
			defer mc.Close()
			return w.tally.Book(ctx, func() error {
				return mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 20<<10))))
			})
		}
		if err := write(time.Second); err != nil { // which the peer reads
			w.Fatal(err)
		}
		w.settle()
		w.failed(write(time.Second), context.DeadlineExceeded, true) // which nobody reads
		if s := w.node(); reserved(s) != 0 {
			w.Errorf("%d ids wait for answers to one-way frames", reserved(s))
		}
		w.victim.ResetConns()
		w.settle()
		w.victim.Do(muxtest.Drop)
		for range 20 { // of 8 ids
			if err := write(time.Second); err != nil {
				w.Fatal(err)
			}
		}
	})
}
