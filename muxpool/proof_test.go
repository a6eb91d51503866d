package muxpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneWayProof: who only sends gets no frame. Frames that the kernel took prove the
// peer when the connection has outlived the time after which the kernel would have given
// up on them, and not before; an answer that nobody sends is not needed.
func TestOneWayProof(t *testing.T) {
	const keepAlive = 2 * time.Second // 3 s until the kernel gives up
	for _, row := range []struct {
		name    string
		sends   []time.Duration // when, from the connect on
		closed  time.Duration
		tries   int
		standby standing
	}{
		{"never", nil, time.Second, 1, peerDoubted},
		{"once, closed soon", []time.Duration{0}, 3*time.Second - 1, 1, peerDoubted},
		{"once, closed in time", []time.Duration{0}, 3 * time.Second, 0, peerMet},
		{"twice, too soon", []time.Duration{0, time.Second}, 2 * time.Second, 1, peerDoubted},
		{"twice, in time: the second tells", []time.Duration{0, 3 * time.Second}, 3 * time.Second, 0, peerProven},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSlotRig(t, conns(1, WithKeepAlive(keepAlive), WithReconnect(9, time.Second, time.Second)))
				defer r.end()
				r.play("get")
				r.play("accept")
				up := time.Now()
				for _, at := range row.sends {
					time.Sleep(at - time.Since(up))
					opts := NewGetOptions()
					opts.WithFrameParser(askingParser{})
					opts.WithOneWay()
					m, err := r.pool.GetMuxConn(r.ctx, "tcp", "peer:1", opts)
					if err != nil {
						t.Fatal(err)
					}
					if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); err != nil {
						t.Fatal(err)
					}
					m.Close()
				}
				time.Sleep(row.closed - time.Since(up))
				r.play("close 1")
				n := r.node()
				n.mu.Lock()
				defer n.mu.Unlock()
				if n.slots[0].tries != row.tries || n.peer != row.standby {
					t.Errorf("%d attempts, the peer is %v; want %d, %v", n.slots[0].tries, n.peer, row.tries, row.standby)
				}
			})
		})
	}
}

// TestGoingAwayProvesNothing: nor does what a peer that leaves has sent before it.
func TestGoingAwayProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSlotRig(t, conns(1))
		defer r.end()
		for _, step := range []string{"get", "accept"} {
			r.play(step)
		}
		c := r.conn(1)
		r.play("leave 1")
		if c.proven() {
			t.Error("that the peer goes away is taken for an answer")
		}
	})
}

// TestAnswerBeforeGoingAwayProves, also if both come at once: a node whose peer was in doubt is told as ready.
func TestAnswerBeforeGoingAwayProves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSlotRig(t, conns(1))
		defer r.end()
		for _, step := range []string{"get", "accept", "silence 1", "get", "accept", "call 2"} {
			r.play(step)
		}
		both := append(worldFrame(worldAnswer, r.calls[len(r.calls)-1].id, 1), worldFrame(worldGoAway, 0, 0)...)
		if _, err := r.pipes[1].theirs.Write(both); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.play("end")
		if got, want := r.events(), "up ready @3s down(stalled) expelled(stalled) up ready down(going away)"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// settlingParser takes its keepalives for settings.
type settlingParser struct{ worldParser }

func (p settlingParser) ClassifyFrame(_ uint32, frame []byte) FrameKind {
	if frame[0] == worldAlive {
		return FrameSettings
	}
	return FrameLast
}

// TestSettingsProveNothing: a peer tells them before it has done anything.
func TestSettingsProveNothing(t *testing.T) {
	withWorld(t, settlingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.peers[0].nc.Write(worldFrame(worldAlive, 0, 0))
		synctest.Wait()
		if m.conn.frames.Load() != 1 || m.conn.proven() {
			t.Errorf("after %d frames, the peer is proven: %v", m.conn.frames.Load(), m.conn.proven())
		}
	})
}

// TestAnswerToWhatWasNotAskedProvesNothing: a call is there that has written nothing yet.
func TestAnswerToWhatWasNotAskedProvesNothing(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		answer := func() {
			w.peers[0].nc.Write(worldFrame(worldAnswer, m.id, 1))
			synctest.Wait()
		}
		if answer(); m.conn.proven() {
			t.Error("an answer before the request is taken for one")
		}
		w.mustWrite(m, 1)
		if answer(); !m.conn.proven() {
			t.Error("an answer is not taken for one")
		}
	})
}

// TestOneAnswerMoreTellsThatThePeerLives: to a call that has asked, and to no other.
func TestOneAnswerMoreTellsThatThePeerLives(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		for name, asks := range map[string]bool{"it has asked": true, "it has not": false} {
			m := w.mustGet(t.Context())
			defer m.Close()
			if asks {
				w.mustWrite(m, 1)
				w.mustAnswer(m)
				synctest.Wait()
			}
			frame := m.conn.next.frame() // as a Ping waits for it
			w.mustAnswer(m)
			synctest.Wait()
			select {
			case <-frame:
				if !asks {
					t.Errorf("%s: an answer counts as a sign of life", name)
				}
			default:
				if asks {
					t.Errorf("%s: an answer more is no sign of life", name)
				}
			}
		}
	})
}

// TestExpelNamesTheProtocolError: what a peer that spoke nonsense said last is the
// refusal of another connection. Both are causes.
func TestExpelNamesTheProtocolError(t *testing.T) {
	for name, script := range map[string]string{
		"the refusal is older": "get, accept, refuse, junk 1",
		"the refusal is newer": "get, accept, accept, junk 1, get, accept, junk 3, close 2, get, refuse, back, refuse",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSlotRig(t, conns(2, WithReconnect(3, 100*time.Millisecond, time.Hour)))
				defer r.end()
				var last error
				r.pool.Subscribe(func(e Event) {
					if e.Kind == NodeExpelled {
						last = e.Err
					}
				})
				for _, step := range strings.Split(script, ", ") {
					r.play(step)
				}
				if last == nil || !errors.Is(last, ErrProtocol) || !strings.Contains(fmt.Sprint(last), "refused") {
					t.Errorf("expelled with %v, want the protocol error and the refusal", last)
				}
				if n := strings.Count(fmt.Sprint(last), "kind 3"); n != 1 {
					t.Errorf("the protocol error is told %d times in %v", n, last)
				}
			})
		})
	}
}

// TestLostWhileIdleIsNoFailure: a connection that nobody is on may be lost in any way
// without a word against the node; but one on which calls have timed out is not idle.
func TestLostWhileIdleIsNoFailure(t *testing.T) {
	for name, err := range map[string]error{"no answer to the kernel's probes": ErrKeepAliveTimeout, "reset": io.ErrUnexpectedEOF} {
		t.Run(name, func(t *testing.T) {
			for _, lapsed := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					r := newSlotRig(t, conns(1))
					defer r.end()
					r.play("get")
					r.play("accept")
					reason := ReasonConnLost
					if err == ErrKeepAliveTimeout {
						reason = ReasonKeepAliveTimeout
					}
					if lapsed {
						ctx, cancel := context.WithTimeout(r.ctx, time.Second)
						defer cancel()
						m := r.on(ctx, 1)
						r.request(m)
						time.Sleep(time.Second)
						m.Read()
						m.Close()
					}
					r.conn(1).close(reason, err)
					synctest.Wait()
					failed := strings.Contains(r.events(), "expelled")
					if want := lapsed && reason == ReasonKeepAliveTimeout; failed != want {
						t.Errorf("calls have timed out: %v; told: %s", lapsed, r.events())
					}
				})
			}
		})
	}
}
