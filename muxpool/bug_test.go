//go:build !muxguard

package muxpool

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

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
		"on one that holds no lock": func(_ *world, m *muxConn) {
			defer m.conn.contain()
			panic(bugf("as told"))
		},
		"on the reader's": func(w *world, m *muxConn) {
			w.peers[0].nc.Write(worldFrame(worldBug, m.id, 0))
		},
		"on that of a Get": func(w *world, m *muxConn) { // to which the id of another is given
			c := m.conn
			c.mu.Lock()
			number, _ := c.ids.space.number(m.id)
			c.ids.next = (number + c.ids.space.n - c.ids.start) % c.ids.space.n
			c.mu.Unlock()
			for range 2 { // one of them at least goes there
				defer w.mustGet(w.t.Context()).Close()
			}
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

// TestBrokenInvariantOnDatagrams: likewise, and it is no datagram that the parser refused.
func TestBrokenInvariantOnDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		defer w.end()
		w.opts.WithFrameParser(buggyParser{})
		pool, err := New(WithConnectNumber(1), WithDialContext(w.dial))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		var told []Event
		pool.Subscribe(func(e Event) {
			if e.Kind == ConnDown {
				told = append(told, e)
			}
		})
		m, err := pool.GetMuxConn(t.Context(), "udp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if _, err := w.peers[0].nc.Write(worldFrame(worldBug, m.VID(), 0)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(told) != 1 || told[0].Reason != ReasonBug || !strings.Contains(told[0].Err.Error(), "BUG: ") {
			t.Errorf("told: %v", told)
		}
		if n := pool.Stats().Malformed; n != 0 {
			t.Errorf("%d datagrams are counted as malformed", n)
		}
	})
}

// TestConnStateOnlyMovesOn: to be what it is already is as impossible as to go back.
func TestConnStateOnlyMovesOn(t *testing.T) {
	for from := range connState(len(connStates)) {
		for to := range connState(len(connStates)) {
			found := func() (found bool) {
				defer func() { _, found = recover().(bug) }()
				(&conn{state: from}).setState(to, ReasonNone, nil)
				return
			}()
			if found != (to <= from) {
				t.Errorf("from %v to %v: found to be a bug %v", from, to, found)
			}
		}
	}
}

// TestBrokenSlot: news that a slot cannot have, in whatever way it comes, changes nothing and
// is told. The connection that it is about ends, and the node goes on.
func TestBrokenSlot(t *testing.T) {
	ours, theirs := (net.Conn)(nil), (net.Conn)(nil)
	for name, brk := range map[string]func(n *node, s *slot, w *world){
		"a connect that nobody asked for": func(n *node, s *slot, _ *world) { n.dialEnded(s, dialOutcome{nc: ours}) },
		"a refusal that nobody asked for": func(n *node, s *slot, _ *world) { n.dialEnded(s, dialOutcome{err: io.EOF}) },
		"a timer that nobody has set": func(n *node, s *slot, _ *world) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.change(s, slotEvent{news: slotDue})
		},
		"the end of what was not up": func(n *node, s *slot, w *world) {
			n.mu.Lock()
			s.state = slotEmpty
			n.mu.Unlock()
			w.peers[0].nc.Close()
		},
		"the age of what was not up": func(n *node, s *slot, _ *world) {
			n.mu.Lock()
			c := s.conn
			s.state = slotEmpty
			n.mu.Unlock()
			c.renew(true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, opts: NewGetOptions()}
				w.opts.WithFrameParser(worldParser{})
				var err error
				if w.pool, err = New(WithConnectNumber(1), WithDialContext(w.dial)); err != nil {
					t.Fatal(err)
				}
				defer w.end()
				bugs := 0
				w.pool.Subscribe(func(e Event) {
					if e.Reason == ReasonBug && strings.Contains(e.Err.Error(), "BUG: ") {
						bugs++
					} else if e.Reason.Failure() && e.Reason != ReasonDialFailed {
						t.Errorf("told: %v", e)
					}
				})
				w.mustGet(t.Context()).Close()
				ours, theirs = net.Pipe()
				n := w.node()
				old := n.slots[0].conn
				brk(n, n.slots[0], w)
				synctest.Wait()
				old.mu.Lock()
				if old.state != connClosed {
					t.Errorf("the connection of the slot is %v", old.state)
				}
				old.mu.Unlock()
				if bugs == 0 {
					t.Fatal("nothing was told")
				}
				n.mu.Lock()
				if s, shown := n.slots[0], len(n.conns()) > 0; (s.conn != nil) != s.state.up() || shown != s.state.up() {
					t.Errorf("the slot is %v, has a connection %v, which is shown %v", s.state, s.conn != nil, shown)
				}
				n.mu.Unlock()
				if name == "a connect that nobody asked for" {
					if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
						t.Errorf("its connection has not ended: %v", err)
					}
				}
				w.mustGet(t.Context()).Close()
				synctest.Wait()
				checkNode(t, n)
				if err := w.pool.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				select {
				case <-w.pool.Done():
				default:
					t.Error("the pool does not end")
				}
			})
		})
	}
}
