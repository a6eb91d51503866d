package muxpool

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestARefusedWriteTakesNothing: likewise, of a MuxConn that is open; and nothing is sent.
func TestARefusedWriteTakesNothing(t *testing.T) {
	const size = 8 << 10
	for name, row := range map[string]struct {
		opts []PoolOption
		mute bool // the peer, with whom the queue is full
		want error
	}{
		"too large":             {[]PoolOption{WithMaxFrameSize(size - 1)}, false, ErrFrameTooLarge},
		"its context has ended": {nil, false, context.Canceled},
		"no room":               {[]PoolOption{WithQueueSize(1), WithDropFull(true), WithWriteTimeout(time.Hour)}, true, ErrSendQueueFull},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, append(row.opts, WithConnectNumber(1)), func(t *testing.T, w *world) {
				if row.mute {
					w.dials = 3
					for range 2 { // one is under way, one queued
						m := w.mustGet(t.Context())
						defer m.Close()
						w.mustWrite(m, 1)
						synctest.Wait()
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				m := w.mustGet(ctx)
				defer m.Close()
				if row.want == context.Canceled {
					cancel() // which nobody has noticed
				}
				kept := make([]byte, size)
				if err := m.Write(kept); !errors.Is(err, row.want) || sentOf(err) {
					t.Errorf("got %v, want %v, and unsent", err, row.want)
				}
				for range 10 {
					if got := wire.Alloc(size); &got[0] == &kept[0] {
						t.Fatal("the caller's memory was given to somebody else")
					}
				}
				if synctest.Wait(); len(w.peers[0].got) != 0 {
					t.Errorf("the peer got %x", w.peers[0].got)
				}
			})
		})
	}
}

// TestSentBehindOneThatIsQueued: a Write that is refused says that the call may be sent, if a frame of it waits to be.
func TestSentBehindOneThatIsQueued(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(1), WithQueueSize(1), WithDropFull(true), WithWriteTimeout(time.Hour)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		w.dials = 3
		other, m := w.mustGet(t.Context()), w.mustGet(t.Context())
		defer other.Close()
		defer m.Close()
		w.mustWrite(other, 1)
		synctest.Wait() // it is under way
		w.mustWrite(m, 2)
		if err := m.Write(worldFrame(worldAnswer, m.id, 3)); !errors.Is(err, ErrSendQueueFull) || !sentOf(err) {
			t.Errorf("got %v, want a full queue, and maybe sent", err)
		}
	})
}

// TestWhoLeavesTheLineHoldsUpNobody: of four Writes that wait for room the first ends with its context. The others
// have their turns when the peer reads.
func TestWhoLeavesTheLineHoldsUpNobody(t *testing.T) {
	opts := []PoolOption{WithConnectNumber(1), WithQueueSize(1), WithWriteTimeout(time.Hour), WithKeepAlive(time.Hour)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		w.dials = 3
		for range 2 { // one is under way, one queued
			m := w.mustGet(t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wrote []chan error
		for i := range 4 {
			with := t.Context()
			if i == 0 {
				with = ctx
			}
			m := w.mustGet(with)
			defer m.Close()
			end := make(chan error, 1)
			go func() { end <- m.Write(worldFrame(worldAnswer, m.id, 2)) }()
			synctest.Wait()
			wrote = append(wrote, end)
		}
		cancel()
		if err := bounded.Receive(t, wrote[0]); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left: %v", err)
		}
		go io.Copy(io.Discard, w.peers[0].nc)
		synctest.Wait()
		for i, end := range wrote[1:] {
			if len(end) == 0 {
				t.Fatalf("Write %d waits, and there is room", i+2)
			}
			if err := bounded.Receive(t, end); err != nil {
				t.Errorf("Write %d: %v", i+2, err)
			}
		}
	})
}

// oneByteAnswer answers what the peer asks with one byte.
type oneByteAnswer struct{ worldParser }

func (oneByteAnswer) AppendAnswer(dst []byte, _ uint32, _ []byte) []byte { return append(dst, 0) }

// TestShortestAnswerToThePeer: it is one.
func TestShortestAnswerToThePeer(t *testing.T) {
	withWorld(t, oneByteAnswer{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		m.conn.reply(7, nil)
		synctest.Wait()
		if s := w.pool.Stats(); s.BytesWritten != 1 || s.Unsolicited != 0 {
			t.Errorf("%d bytes were written, %d frames are unsolicited", s.BytesWritten, s.Unsolicited)
		}
	})
}
