package muxpool_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestOptionsOfWrites: a peer reads nothing after the first call. How long its connection
// lasts, and what a Write for which there is no room does.
func TestOptionsOfWrites(t *testing.T) {
	alone := []muxpool.PoolOption{muxpool.WithKeepAlive(never), muxpool.WithStallTimeout(never), muxpool.WithConnectNumber(1)}
	for name, row := range map[string]struct {
		opts   []muxpool.PoolOption
		writes int           // that are done before one is not
		err    error         // of that one
		after  time.Duration // it ends
	}{
		"WithQueueSize":                {[]muxpool.PoolOption{muxpool.WithQueueSize(3), muxpool.WithWriteTimeout(17 * time.Second)}, 4, muxpool.ErrConnLost, 17 * time.Second},
		"WithQueueSize, WithDropFull":  {[]muxpool.PoolOption{muxpool.WithQueueSize(5), muxpool.WithDropFull(true)}, 6, muxpool.ErrSendQueueFull, 0},
		"dropped, and then not at all": {[]muxpool.PoolOption{muxpool.WithQueueSize(2), muxpool.WithDropFull(true), muxpool.WithDropFull(false)}, 3, muxpool.ErrConnLost, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			setup := world.Setup{Parser: world.Classified{}, Act: muxtest.StopReading, Alone: true, Opts: append(alone[:3:3], row.opts...)}
			world.InBubble(t, setup, func(w *world.World) {
				mc := w.Get(context.Background())
				defer mc.Close()
				frame := muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))
				if err := mc.Write(frame); err != nil { // the one that the peer reads
					w.Fatal(err)
				}
				w.Settle()
				start := time.Now()
				for i := range 100 {
					if err := mc.Write(frame); err != nil {
						if took := time.Since(start); i != row.writes || !errors.Is(err, row.err) || took != row.after {
							w.Errorf("Write %d after %v: %v; want %d, %v, %v", i, took, err, row.writes, row.after, row.err)
						}
						return
					}
					w.Settle()
				}
				w.Error("a hundred frames are queued")
			})
		})
	}
}

// TestOptionsOfReads: what a MuxConn takes, and for how long a full one holds up others.
func TestOptionsOfReads(t *testing.T) {
	t.Run("WithRecvWait", func(t *testing.T) {
		opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(roomLimit), muxpool.WithRecvWait(17 * time.Millisecond)}, world.OneConn...)
		setup := world.Setup{Parser: world.Alive{}, Act: muxtest.First(1, muxtest.Stream(roomFrames), muxtest.Echo), Opts: opts}
		world.InBubble(t, setup, func(w *world.World) {
			mc := w.Get(context.Background())
			defer mc.Close()
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, roomFrame)))); err != nil {
				w.Fatal(err)
			}
			if took := siblingTook(w); took != 17*time.Millisecond {
				w.Errorf("a sibling took %v", took)
			}
		})
	})
	t.Run("WithMaxFrameSize, WithMaxAnswerSize", func(t *testing.T) {
		const most = 100 + muxtest.HeaderLen
		opts := append([]muxpool.PoolOption{muxpool.WithMaxFrameSize(most), muxpool.WithMaxAnswerSize(1234)}, world.OneConn...)
		world.InBubble(t, world.Setup{Parser: world.Classified{}, Alone: true, Opts: opts}, func(w *world.World) {
			mc := w.Get(context.Background())
			defer mc.Close()
			if l := mc.(muxpool.Limiter); l.MaxFrameSize() != most || l.MaxAnswerSize() != 1234 {
				w.Errorf("a frame has %d bytes at most, an answer %d", l.MaxFrameSize(), l.MaxAnswerSize())
			}
			if err := muxtest.Exchange(mc, make([]byte, 100)); err != nil {
				w.Error(err)
			}
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 101)))); !errors.Is(err, muxpool.ErrFrameTooLarge) {
				w.Errorf("Write of a frame that is too large: %v", err)
			}
			w.Victim.Do(func(c *muxtest.Conn, f muxtest.Frame) {
				f.Kind, f.Body = muxtest.Answer, make([]byte, 101)
				c.Send(f)
			})
			if err := muxtest.Exchange(mc, nil); !errors.Is(err, muxpool.ErrFrameTooLarge) {
				w.Errorf("Read of a frame that is too large: %v", err)
			}
		})
	})
}
