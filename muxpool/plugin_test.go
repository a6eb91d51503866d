package muxpool_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
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
	panicSession struct {
		muxtest.Parser
		_ int
	}
	panicOwnSettings struct {
		muxtest.Parser
		settled
	}
	panicPeersSettings struct {
		muxtest.Parser
		settled
		_ int
	}
)

// settled takes every frame for settings, and sends no bytes that would be some.
type settled struct{}

func (settled) ClassifyFrame(uint32, []byte) muxpool.FrameKind           { return muxpool.FrameSettings }
func (settled) AppendSettings(dst []byte, _ muxpool.Settings) []byte     { return dst }
func (settled) ReadSettings([]byte) (s muxpool.Settings, err error)      { return s, nil }
func (panicOwnSettings) AppendSettings([]byte, muxpool.Settings) []byte  { panic("own settings") }
func (panicPeersSettings) ReadSettings([]byte) (muxpool.Settings, error) { panic("peer's settings") }

func (panicIDs) IDSpace() muxpool.IDSpace                         { panic("ids") }
func (panicKinds) ClassifyFrame(uint32, []byte) muxpool.FrameKind { panic("kinds") }
func (panicKeepAlive) AppendKeepAlive([]byte, uint32) []byte      { panic("keepalive") }
func (panicHandshake) Handshake(context.Context, net.Conn) error  { panic("greeting") }

func (panicSession) HandshakeSession(context.Context, net.Conn) (any, error) { panic("session") }

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
		{"session", panicSession{}, nil, muxpool.ErrProtocol},
		{"own settings", panicOwnSettings{}, nil, muxpool.ErrProtocol},
		{"peer's settings", panicPeersSettings{}, nil, muxpool.ErrProtocol},
	} {
		t.Run(test.name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: test.parser, Act: test.act, Alone: true}, func(w *world.World) {
				err := w.CallFor(time.Minute)
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.name) {
					w.Errorf("got %v, want %v and the panic's text", err, test.want)
				}
			})
		})
	}
}

// onlyKinds takes every frame for settings, and is no Settler.
type onlyKinds struct{ muxtest.Parser }

func (onlyKinds) ClassifyFrame(uint32, []byte) muxpool.FrameKind { return muxpool.FrameSettings }

// TestSettingsOfNobody: without a Settler, settings are a frame that nobody asked for.
func TestSettingsOfNobody(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: onlyKinds{}, Opts: world.OneConn, Alone: true}, func(w *world.World) {
		w.WantError(w.CallFor(100*time.Millisecond), context.DeadlineExceeded, true)
		if n := w.Pool.Stats().Unsolicited; n != 1 {
			w.Errorf("%d unsolicited frames, want 1", n)
		}
	})
}

func TestPreWarmProves(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Alive{}}, func(w *world.World) {
		n := w.Caller.Node
		warm := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			return w.Pool.PreWarm(ctx, n.Network, n.Address, w.Caller.Opts)
		}
		w.Victim.Do(muxtest.Drop)
		w.WantError(warm(500*time.Millisecond), context.DeadlineExceeded, false)
		w.Victim.Do(muxtest.Echo)
		if err := warm(5 * time.Second); err != nil {
			w.Error(err)
		}
	})
}

func TestNilArguments(t *testing.T) {
	if pool, err := muxpool.New(nil); pool != nil || !errors.Is(err, muxpool.ErrInvalidOption) {
		t.Errorf("New(nil): %v, %v", pool, err)
	}
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		w.Pool.Subscribe(nil)()
		var none context.Context
		_, err := w.Caller.Get(none)
		w.WantError(err, muxpool.ErrInvalidOption, false)
		mc := w.Get(context.Background())
		defer mc.Close()
		w.WantError(mc.Write(nil), muxpool.ErrInvalidOption, false)
		if err := muxtest.Exchange(mc, nil); err != nil {
			w.Error(err)
		}
	})
}

// TestContextCause: the cause of a context's end is told.
func TestContextCause(t *testing.T) {
	cause := errors.New("the user pressed a button")
	world.InBubble(t, world.Setup{Act: muxtest.Drop}, func(w *world.World) {
		ctx, cancel := context.WithCancelCause(context.Background())
		mc := w.Get(ctx)
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
			w.Fatal(err)
		}
		cancel(cause)
		_, err := mc.Read()
		w.WantError(err, context.Canceled, true)
		w.WantError(err, cause, true)
	})
}

// TestAnswerBeforeTheEnd: an answer that arrived before its connection died, its
// context ended or both, may still be read.
func TestAnswerBeforeTheEnd(t *testing.T) {
	world.InBubble(t, world.Setup{Act: muxtest.AnswerAndClose}, func(w *world.World) {
		ctx, cancel := context.WithCancel(context.Background())
		mc := w.Get(ctx)
		defer mc.Close()
		call := muxtest.NewCall(mc, nil)
		if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
			w.Fatal(err)
		}
		w.Settle()
		cancel()
		w.Settle()
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
	world.InBubble(t, world.Setup{Parser: few(0, 7, 0), Act: muxtest.StopReading, Opts: world.OneConn}, func(w *world.World) {
		oneWay := (*muxpool.GetOptions).WithOneWay
		write := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			mc := w.Get(ctx, oneWay)
			defer mc.Close()
			return w.Tally.Book(ctx, func() error {
				return mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 20<<10))))
			})
		}
		if err := write(time.Second); err != nil { // which the peer reads
			w.Fatal(err)
		}
		w.Settle()
		w.WantError(write(time.Second), context.DeadlineExceeded, true) // which nobody reads
		if s := w.Node(); world.Reserved(s) != 0 {
			w.Errorf("%d ids wait for answers to one-way frames", world.Reserved(s))
		}
		w.Victim.ResetConns()
		w.Settle()
		w.Victim.Do(muxtest.Drop)
		for range 20 { // of 8 ids
			if err := write(time.Second); err != nil {
				w.Fatal(err)
			}
		}
	})
}
