package muxpool

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestArrivalsBeforeTheEnd: answers that came in one read with what ends the
// connection are delivered, also those that had not been when it was found.
func TestArrivalsBeforeTheEnd(t *testing.T) {
	for name, end := range map[string][]byte{
		"garbage":         worldFrame(0xff, 0, 0),
		"a parser panics": worldFrame(worldPanic, 0, 0),
		"going away":      worldFrame(worldGoAway, 0, 0),
		"truncated":       {worldAnswer, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, panickingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				var calls []*muxConn
				var bytes []byte
				for i := range uint32(2*arrivalsMax + 5) {
					m := w.mustGet(context.Background())
					defer m.Close()
					w.mustWrite(m, i)
					calls = append(calls, m)
					bytes = append(bytes, worldFrame(worldAnswer, m.id, i)...)
				}
				unanswered := w.mustGet(context.Background())
				defer unanswered.Close()
				w.mustWrite(unanswered, 0)
				go func() {
					nc := w.peers[0].nc
					nc.Write(append(bytes, end...)) // fails where reading has ended
					nc.Close()
				}()
				for i, m := range calls {
					if frame, err := m.Read(); err != nil || string(frame) != string(worldFrame(worldAnswer, m.id, uint32(i))) {
						t.Fatalf("answer %d: %x, %v", i, frame, err)
					}
				}
				if frame, err := unanswered.Read(); !errors.Is(err, ErrConnLost) {
					t.Errorf("Read without an answer: %x, %v", frame, err)
				}
			})
		})
	}
}

// panickingParser panics at a frame of kind worldPanic.
type panickingParser struct{ worldParser }

const worldPanic = 0xfe

func (p panickingParser) Parse(r io.Reader) (uint32, []byte, error) {
	if kind, err := r.(FrameReader).Peek(1); err == nil && kind[0] == worldPanic {
		panic("told to")
	}
	return p.worldParser.Parse(r)
}

// hollowParser returns frames without bytes, and says nothing of their kinds.
type hollowParser struct{}

func (hollowParser) Parse(r io.Reader) (uint32, []byte, error) {
	vid, _, err := worldParser{}.Parse(r)
	return vid, nil, err
}

// TestAnswerOfNothing: a frame that is nil is an answer like any other, and is read once.
func TestAnswerOfNothing(t *testing.T) {
	withWorld(t, hollowParser{}, quietOptions(), func(t *testing.T, w *world) {
		m := w.mustGet(t.Context(), func(o *GetOptions) { o.WithTimeout(time.Minute) })
		defer m.Close()
		w.mustWrite(m, 1)
		w.mustAnswer(m)
		if frame, err := m.Read(); frame == nil || len(frame) != 0 || err != nil {
			t.Errorf("read %v, %v, want a frame of no bytes", frame, err)
		}
		if frame, err := m.Read(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("then %v, %v", frame, err)
		}
	})
}

// TestDeliveredFramesAreNotKept: who has read a frame may let go of it; the read loop has.
func TestDeliveredFramesAreNotKept(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		a := &arrivals{conn: m.conn}
		if err := a.receive(m.id, worldFrame(worldAnswer, m.id, 1)); err != nil {
			t.Fatal(err)
		}
		a.deliver()
		if len(a.batch)+len(a.woken) != 0 || cap(a.batch) == 0 || cap(a.woken) == 0 {
			t.Fatalf("%d frames and %d calls are to be told", len(a.batch), len(a.woken))
		}
		for _, f := range a.batch[:cap(a.batch)] {
			if f.frame != nil {
				t.Errorf("the frame %x is kept", f.frame)
			}
		}
		for _, cl := range a.woken[:cap(a.woken)] {
			if cl != nil {
				t.Error("a call is kept")
			}
		}
		if _, err := m.Read(); err != nil {
			t.Error(err)
		}
	})
}

// TestArrivalsAreDeliveredInBatches: of arrivalsMax, however many come in one read.
func TestArrivalsAreDeliveredInBatches(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		a := &arrivals{conn: m.conn}
		for i := range 2 * arrivalsMax {
			if err := a.receive(m.id, worldFrame(worldAnswer, m.id, 1)); err != nil {
				t.Fatal(err)
			}
			if n := (i + 1) % arrivalsMax; len(a.batch) != n {
				t.Fatalf("of %d frames %d are still to be delivered, want %d", i+1, len(a.batch), n)
			}
		}
	})
}

// everyKind takes the first byte of a frame for its kind.
type everyKind struct{}

func (everyKind) Parse(r io.Reader) (uint32, []byte, error) {
	frame := make([]byte, worldLen)
	_, err := io.ReadFull(r, frame)
	return binary.BigEndian.Uint32(frame[1:]), frame, err
}

func (everyKind) ClassifyFrame(_ uint32, frame []byte) FrameKind { return FrameKind(frame[0]) }

// TestEachFrameIsCountedOnce, of whatever kind it is.
func TestEachFrameIsCountedOnce(t *testing.T) {
	for kind, want := range map[FrameKind]Counters{
		FrameLast:        {Unknown: 1},
		FrameMore:        {Unknown: 1},
		FrameKeepAlive:   {},
		FrameGoingAway:   {},
		FrameUnsolicited: {Unsolicited: 1},
		FrameSettings:    {Unsolicited: 1},
		FrameRequest:     {Unsolicited: 1},
		FrameRequest + 1: {Unsolicited: 1},
	} {
		for _, network := range []string{"tcp", "udp"} {
			withWorld(t, everyKind{}, quietOptions(), func(t *testing.T, w *world) {
				m, err := w.pool.GetMuxConn(t.Context(), network, "peer:1", w.opts)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				if _, err := w.peers[0].nc.Write(worldFrame(byte(kind), m.VID()+1, 0)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s := w.pool.Stats().Nodes[0]
				if c := s.Conns[0]; c.Frames != 1 || c.Reads != 1 || c.BytesRead != worldLen {
					t.Errorf("%s, kind %d: %d frames, %d reads of %d bytes", network, kind, c.Frames, c.Reads, c.BytesRead)
				}
				if s.Unknown != want.Unknown || s.Unsolicited != want.Unsolicited || s.Late+s.Duplicate+s.Malformed != 0 {
					t.Errorf("%s, kind %d: counted %+v, want %d of nobody, %d unsolicited", network, kind, s.Counters, want.Unknown, want.Unsolicited)
				}
			})
		}
	}
}

// pingedParser has two ids, and a keepalive that is answered by a frame of its kind.
type pingedParser struct{ pairParser }

func (pingedParser) AppendKeepAlive(dst []byte, id uint32) []byte {
	return append(dst, worldFrame(worldAlive, id, 0)...)
}

// TestWhoWaitsGetsTheIDThatComesBack, at once: that of a call whose answer comes late, or of a keepalive
// that is answered, in either way. Both prove the peer.
func TestWhoWaitsGetsTheIDThatComesBack(t *testing.T) {
	late := func(w *world, _ *conn) []byte {
		m := w.getNow()
		w.mustWrite(m, 1)
		m.Close()
		return worldFrame(worldAnswer, m.id, 1)
	}
	ping := func(w *world, c *conn) []byte {
		c.sendKeepAlive()
		synctest.Wait()
		return w.peers[0].got[0]
	}
	for name, row := range map[string]struct {
		parser FrameParser
		take   func(w *world, c *conn) (back []byte)
	}{
		"a late answer":                    {pairParser{}, late},
		"a keepalive":                      {pingedParser{}, ping},
		"a keepalive, answered like calls": {oneFreeParser{}, ping},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, row.parser, quietOptions(), func(t *testing.T, w *world) {
				held := w.getNow()
				defer held.Close()
				back := row.take(w, held.conn)
				got := make(chan *muxConn, 1)
				go func() { got <- w.mustGet(t.Context()) }()
				synctest.Wait()
				if len(got) > 0 || held.conn.proven() {
					t.Fatalf("before it: a Get is served %v, the peer is proven %v", len(got) > 0, held.conn.proven())
				}
				if _, err := w.peers[0].nc.Write(back); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if len(got) == 0 || !held.conn.proven() {
					t.Fatalf("a Get is served %v, the peer is proven %v", len(got) > 0, held.conn.proven())
				}
				bounded.Receive(t, got).Close()
			})
		})
	}
}

// likeCalls has answers of several frames, and keepalives that are answered like calls.
type likeCalls struct{ endParser }

func (likeCalls) AppendKeepAlive(dst []byte, id uint32) []byte {
	return append(dst, worldFrame(worldAnswer, id, 0)...)
}

// TestAnswersBesideAKeepAlive: while one is out, and after it, each frame is told for what it is.
func TestAnswersBesideAKeepAlive(t *testing.T) {
	withWorld(t, likeCalls{}, quietOptions(), func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		w.mustWrite(m, 1)
		m.Close()
		c := m.conn
		c.sendKeepAlive()
		synctest.Wait()
		ping := c.health.ping
		for _, step := range []struct {
			name    string
			kind    byte
			id      uint32
			want    Counters
			holding bool
		}{
			{"a late answer", worldAnswer, m.id, Counters{Late: 1}, true},
			{"the late answer again", worldAnswer, m.id, Counters{Late: 1, Duplicate: 1}, true},
			{"a part of an answer to the keepalive", endMore, ping, Counters{Late: 2, Duplicate: 1}, true},
			{"the answer to the keepalive", worldAnswer, ping, Counters{Late: 2, Duplicate: 1}, false},
			{"that again", worldAnswer, ping, Counters{Late: 2, Duplicate: 2}, false},
			{"an answer to nobody", worldAnswer, ping + 1, Counters{Late: 2, Duplicate: 2, Unknown: 1}, false},
		} {
			if _, err := w.peers[0].nc.Write(worldFrame(step.kind, step.id, 0)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			c.mu.Lock()
			holding := c.health.holding
			c.mu.Unlock()
			k := w.pool.Stats().Counters
			if k.Late != step.want.Late || k.Duplicate != step.want.Duplicate || k.Unknown != step.want.Unknown || holding != step.holding {
				t.Errorf("%s: %d late, %d duplicates, %d of nobody, the keepalive is out %v; want %d, %d, %d, %v",
					step.name, k.Late, k.Duplicate, k.Unknown, holding, step.want.Late, step.want.Duplicate, step.want.Unknown, step.holding)
			}
		}
	})
}
