package muxpool

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestCallsEndInPortions: 50,000 calls are due at once, or lose their connection. Those who
// wait for a place have it, and the lock is free, before more than a portion has ended.
func TestCallsEndInPortions(t *testing.T) {
	calls, waiting := many(50_000), 10
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithMaxVirConnsPerConn(calls)}, func(t *testing.T, w *world) {
		for range calls {
			w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Hour) })
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		got := make(chan *muxConn, waiting)
		for range waiting {
			go func() { got <- w.mustGet(ctx) }()
		}
		synctest.Wait()
		c := (*w.node().open.Load())[0]
		later := time.Now().Add(2 * time.Hour)
		due := c.due(later)
		if len(due) != calls {
			t.Fatalf("%d calls are due, want %d", len(due), calls)
		}
		ended, before := 0, 0 // in all; when nobody waited any more
		c.endEach(due, func(cl *call) bool {
			if before == 0 && w.node().waiting.Load() == 0 {
				before = ended
			}
			ended++
			return cl.due(later)
		}, endDeadline, context.DeadlineExceeded)
		if ended != calls || before == 0 || before > endPortion {
			t.Errorf("%d calls have ended, %d before those who waited were served; want %d, and %d at most", ended, before, calls, endPortion)
		}
		for range waiting {
			(<-got).Close()
		}
	})
}

// many is n, which is about growth, or less under the race detector, which is not.
func many(n int) int {
	if raceDetector {
		return n / 16
	}
	return n
}

// TestManyCallsTimeOut: each of 50,000 calls with one deadline ends at it.
func TestManyCallsTimeOut(t *testing.T) {
	calls := many(50_000)
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		ends, begin := make(chan readEnd, calls), time.Now()
		for range calls {
			m := w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Second) })
			go func() {
				_, err := m.Read()
				m.Close()
				ends <- readEnd{time.Since(begin), err}
			}()
		}
		for range calls {
			if e := <-ends; e.after != time.Second || !errors.Is(e.err, context.DeadlineExceeded) {
				t.Fatalf("a call ended after %v with %v", e.after, e.err)
			}
		}
	})
}

// TestEndedCallsAreOffTheConn: whatever ends it, a call that has left its conn, and so may be
// somebody else's on another, is found there no more; one that has not is.
func TestEndedCallsAreOffTheConn(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		for why := range callEnd(len(endRules)) {
			m := w.mustGet(t.Context())
			w.mustWrite(m, 1)
			c := m.conn
			c.mu.Lock()
			c.end(m.call, why, ErrConnLost)
			live, found := m.call.live, c.ids.live.find(m.id) != nil
			c.mu.Unlock()
			if stays := endRules[why].id == idKept; live != stays || found != stays {
				t.Errorf("way %d: the call is live %v, found by its id %v, want %v", why, live, found, stays)
			}
			m.Close()
		}
	})
}

// node returns the only node.
func (w *world) node() *node {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	for _, n := range w.pool.nodes {
		return n
	}
	w.t.Fatal("there is no node")
	return nil
}

// TestBrokenInvariant: where it is found that one does not hold, that connection ends, and
// its calls with the news; others, and the pool, go on.
func TestBrokenInvariant(t *testing.T) {
	for name, brk := range map[string]func(w *world, m *muxConn){
		"on a user's goroutine": func(w *world, m *muxConn) {
			m.conn.mu.Lock()
			m.conn.ids.live.remove(m.id)
			m.conn.mu.Unlock()
			m.Close()
		},
		"on the timer's": func(w *world, m *muxConn) {
			m.conn.mu.Lock()
			m.call.id += 1000
			m.call.deadline = time.Now()
			m.conn.mu.Unlock()
			m.conn.endDue()
		},
		"on the reader's": func(w *world, m *muxConn) {
			w.peers[0].nc.Write(worldFrame(worldBug, m.id, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, opts: NewGetOptions()}
				w.opts.WithFrameParser(buggyParser{})
				var err error
				if w.pool, err = New(WithConnectNumber(2), WithDialContext(w.dial)); err != nil {
					t.Fatal(err)
				}
				defer w.end()
				var told []Event
				w.pool.Subscribe(func(e Event) {
					if e.Kind == ConnDown {
						told = append(told, e)
					}
				})
				w.mustGet(t.Context()).Close()
				synctest.Wait() // for the second connection
				calls := make(map[*conn][]*muxConn)
				for range 8 {
					m := w.mustGet(t.Context())
					defer m.Close()
					w.mustWrite(m, 1)
					calls[m.conn] = append(calls[m.conn], m)
				}
				synctest.Wait()
				var broken *muxConn
				for c, some := range calls {
					if w.ours(c) == 0 {
						broken = some[0]
					}
				}
				brk(w, broken)
				synctest.Wait()
				if len(told) != 1 || told[0].Reason != ReasonBug || !strings.Contains(told[0].Err.Error(), "BUG: ") {
					t.Fatalf("told: %v", told)
				}
				for c, some := range calls {
					for _, m := range some[1:] {
						if end := readLater(m); c == broken.conn {
							if e := bounded.Receive(t, end); !errors.Is(e.err, ErrConnLost) || !strings.Contains(e.err.Error(), "BUG: ") {
								t.Errorf("a call beside it ended with %v", e.err)
							}
						} else {
							w.peers[1].nc.Write(worldFrame(worldAnswer, m.id, 1))
							if e := bounded.Receive(t, end); e.err != nil {
								t.Errorf("a call on the other connection ended with %v", e.err)
							}
						}
					}
				}
				w.mustGet(t.Context()).Close()
			})
		})
	}
}

// ours is the number of the peer that c is connected with.
func (w *world) ours(c *conn) int {
	for i, p := range w.peers {
		if p.ours == c.nc {
			return i
		}
	}
	return -1
}

// buggyParser finds a broken invariant of the package's in a frame of kind worldBug.
type buggyParser struct{ worldParser }

const worldBug = 0xfd

func (p buggyParser) Parse(r io.Reader) (uint32, []byte, error) {
	if kind, err := r.(FrameReader).Peek(1); err == nil && kind[0] == worldBug {
		panic(bugf("as told"))
	}
	return p.worldParser.Parse(r)
}
