package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// pairParser has two ids.
type pairParser struct{ worldParser }

func (pairParser) IDSpace() IDSpace { return IDSpace{Min: 1, Max: 2} }

// lastFrames are the ways to close a MuxConn with one.
var lastFrames = map[string]func(m *muxConn, frame func(id uint32) []byte){
	"a frame":   func(m *muxConn, frame func(uint32) []byte) { m.CloseWith(frame(m.id)) },
	"a request": func(m *muxConn, frame func(uint32) []byte) { m.CloseWithRequest(frame) },
}

// TestLastFrameForAnIDOfAnothers: who closes a call long after its time may find that its answer
// came late and the id is another call's. What takes back that call must not go out.
func TestLastFrameForAnIDOfAnothers(t *testing.T) {
	for name, closeWith := range lastFrames {
		t.Run(name, func(t *testing.T) {
			withWorld(t, pairParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				late := w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Second) })
				w.mustWrite(late, 1)
				time.Sleep(2 * time.Second) // of bubble time
				held := w.getNow()
				w.mustAnswer(late)
				synctest.Wait()
				other := w.getNow()
				defer other.Close()
				if other.id != late.id {
					t.Fatalf("id %d goes to the next call, want %d", other.id, late.id)
				}
				held.Close() // a request finds an id
				w.mustWrite(other, 2)
				closeWith(late, func(uint32) []byte { return worldFrame(worldAnswer, late.id, 3) })
				synctest.Wait()
				if got := w.peers[0].got; len(got) != 2 {
					t.Errorf("the peer got %x: the last is of a call that was over, for the id of another", got)
				}
			})
		})
	}
}

// TestIDIsKeptWhileALastFrameIsMade: the answer comes, or the call's time ends and then the
// answer comes, while the frame is made: the id is nobody's until that is queued.
func TestIDIsKeptWhileALastFrameIsMade(t *testing.T) {
	for name, after := range map[string]time.Duration{"of a call that is over": 1200 * time.Millisecond, "of one that lives": 0} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, pairParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				m := w.mustGet(ctx, func(o *GetOptions) { o.WithTimeout(time.Second) })
				w.mustWrite(m, 1)
				time.Sleep(after) // of bubble time
				next := make(chan *muxConn, 1)
				m.CloseWithRequest(func(uint32) []byte {
					go func() { next <- w.mustGet(ctx) }()
					time.Sleep(1200 * time.Millisecond) // likewise
					w.mustAnswer(m)
					synctest.Wait()
					select {
					case other := <-next:
						t.Errorf("id %d goes to another call while a frame for it is made", other.id)
					default:
					}
					return worldFrame(worldAnswer, m.id, 3)
				})
				other := bounded.Receive(t, next)
				defer other.Close()
				if other.id != m.id {
					t.Errorf("the next call got id %d, want %d", other.id, m.id)
				}
			})
		})
	}
}

// TestLastFrameOfACallThatWasAnswered: nobody has the id, so the peer may hear of it. It is free as before.
func TestLastFrameOfACallThatWasAnswered(t *testing.T) {
	withWorld(t, pairParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Second) })
		w.mustWrite(m, 1)
		w.mustAnswer(m)
		time.Sleep(2 * time.Second) // of bubble time
		m.CloseWith(worldFrame(worldAnswer, m.id, 2))
		synctest.Wait()
		if got := w.peers[0].got; len(got) != 2 {
			t.Errorf("the peer got %x", got)
		}
		for range 2 {
			defer w.getNow().Close()
		}
		if k := w.pool.Stats().Counters; k.Late+k.Duplicate+k.Unknown != 0 {
			t.Errorf("%+v", k)
		}
	})
}

// TestNoFrameIsQueuedOfACallThatIsOver: its Write had looked whether it is, before it was. The id of a
// stream that was answered is free then.
func TestNoFrameIsQueuedOfACallThatIsOver(t *testing.T) {
	for name, stream := range map[string]bool{"a call": false, "a stream": true} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, pairParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				m := w.mustGet(context.Background(), func(o *GetOptions) {
					if o.WithTimeout(time.Second); stream {
						o.WithStream()
					}
				})
				defer m.Close()
				w.mustWrite(m, 1)
				w.mustAnswer(m)
				time.Sleep(2 * time.Second) // of bubble time
				if err := m.conn.sendStream(m.call, worldFrame(worldAnswer, m.id, 2), false); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the end of its time", err)
				}
				synctest.Wait()
				if got := w.peers[0].got; len(got) != 1 {
					t.Errorf("the peer got %x", got)
				}
			})
		})
	}
}
