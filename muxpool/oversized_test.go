package muxpool

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sizedFrames are cut by the length that is in their heads.
type sizedFrames struct {
	hides bool // why the reader has refused a frame
}

const (
	sizedLast = iota
	sizedMore
	sizedPush
	sizedStrange     // which cannot be measured
	sizedHead    = 9 // kind, id, length
	sizedLimit   = 64
)

func (p sizedFrames) Parse(r io.Reader) (uint32, []byte, error) {
	fr := r.(FrameReader)
	head, err := fr.Peek(sizedHead)
	if err != nil {
		return 0, nil, err
	}
	frame, err := fr.Alloc(int(binary.BigEndian.Uint32(head[5:])))
	if err != nil {
		if p.hides {
			err = errors.New("something went wrong")
		}
		return 0, nil, err
	}
	_, err = io.ReadFull(fr, frame)
	return binary.BigEndian.Uint32(frame[1:]), frame, err
}

func (sizedFrames) Measure(head []byte) (vid uint32, total int64, ok bool) {
	return binary.BigEndian.Uint32(head[1:]), int64(binary.BigEndian.Uint32(head[5:])), head[0] != sizedStrange
}

// sizedParser tells them apart.
type sizedParser struct{ sizedFrames }

func (sizedParser) ClassifyFrame(_ uint32, frame []byte) FrameKind {
	return [...]FrameKind{FrameLast, FrameMore, FrameUnsolicited, FrameLast}[frame[0]]
}

// sizedOnce has one id.
type sizedOnce struct{ sizedParser }

func (sizedOnce) IDSpace() IDSpace { return IDSpace{Min: 7, Max: 7} }

// sizedInOrder has no ids.
type sizedInOrder struct{ sizedParser }

func (sizedInOrder) InOrder() {}

func sizedFrame(kind byte, id uint32, size int) []byte {
	frame := binary.BigEndian.AppendUint32([]byte{kind}, id)
	return append(binary.BigEndian.AppendUint32(frame, uint32(size)), make([]byte, size-sizedHead)...)
}

// says makes the peer send frames in one piece, as far as the connection takes them, and lets everything
// come to rest.
func (w *world) says(frames ...[]byte) {
	go w.peers[0].nc.Write(slices.Concat(frames...)) // fails where the connection ends
	synctest.Wait()
}

// withLarge plays f with one connection, whose frames may have sizedLimit bytes.
func withLarge(t *testing.T, parser FrameParser, f func(*testing.T, *world)) {
	t.Helper()
	withWorld(t, parser, []PoolOption{WithConnectNumber(1), WithMaxFrameSize(sizedLimit)}, f)
}

// TestLargeAnswers: which are passed over, and what their callers are told.
func TestLargeAnswers(t *testing.T) {
	for _, row := range []struct {
		name   string
		parser FrameParser
		kind   byte
		size   int
		lost   bool // the connection is
		said   string
	}{
		{"a byte over the limit", sizedParser{}, sizedLast, sizedLimit + 1, false, "an answer of 65 bytes, at most 64 are allowed (WithMaxFrameSize)"},
		{"sixteen times the limit", sizedParser{}, sizedLast, 16 * sizedLimit, false, "an answer of 1024 bytes, at most 64 are allowed (WithMaxFrameSize)"},
		{"a byte more than that", sizedParser{}, sizedLast, 16*sizedLimit + 1, true, ""},
		{"which cannot be measured", sizedParser{}, sizedStrange, sizedLimit + 1, true, ""},
		{"whose parser says something else", sizedParser{sizedFrames{hides: true}}, sizedLast, sizedLimit + 1, false, "an answer of 65 bytes, at most 64 are allowed (WithMaxFrameSize)"},
		{"in parts", sizedParser{}, sizedMore, sizedLimit + 1, false, "an answer of 65 bytes, at most 64 are allowed (WithMaxFrameSize)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			withLarge(t, row.parser, func(t *testing.T, w *world) {
				m := w.mustGet(t.Context())
				defer m.Close()
				w.mustWrite(m, 1)
				w.says(sizedFrame(row.kind, m.id, row.size))
				if _, err := m.Read(); !errors.Is(err, ErrFrameTooLarge) || errors.Is(err, ErrConnLost) != row.lost || !strings.Contains(err.Error(), row.said) {
					t.Errorf("got %v, want %q, and the connection lost: %v", err, row.said, row.lost)
				}
				if row.lost || t.Failed() {
					return
				}
				if c := w.pool.Stats().Nodes[0].Conns[0]; c.Frames != 1 || !m.conn.proven() {
					t.Errorf("%d frames are counted, and the peer has answered: %v; want one that answers", c.Frames, m.conn.proven())
				}
				m.Close()
				left := 0
				if row.kind == sizedMore { // the rest is to come
					left = 1
				}
				if n := w.pool.Stats().Nodes[0].Conns[0].Reserved; n != left {
					t.Errorf("%d ids are reserved, want %d", n, left)
				}
			})
		})
	}
}

// TestPluginsLimitIsThePools: a frame that is as large as the pool allows, and not as its plug-in does, is refused in
// the words of that.
func TestPluginsLimitIsThePools(t *testing.T) {
	withWorld(t, pickyParser{}, []PoolOption{WithConnectNumber(1), WithMaxFrameSize(worldLen)}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		w.says(worldFrame(worldAnswer, m.id, 1<<32-1))
		if _, err := m.Read(); !errors.Is(err, ErrFrameTooLarge) || !strings.Contains(err.Error(), "an answer of 9 bytes: ") {
			t.Errorf("got %v, want what the plug-in says", err)
		}
	})
}

// TestLargeAnswerBehindAPart: what has come before it, in the same piece, is read before its error.
func TestLargeAnswerBehindAPart(t *testing.T) {
	withLarge(t, sizedParser{}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		w.says(sizedFrame(sizedMore, m.id, 20), sizedFrame(sizedLast, m.id, sizedLimit+1))
		if frame, err := m.Read(); err != nil || len(frame) != 20 {
			t.Errorf("the part before it: %d bytes, %v", len(frame), err)
		}
		if _, err := m.Read(); !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("then: %v", err)
		}
	})
}

// TestLargeFramesOfNobody: what answers no call ends none, and is counted as what it is.
func TestLargeFramesOfNobody(t *testing.T) {
	for name, row := range map[string]struct {
		asked, left bool // the call has asked, has left
		kind        byte
		want        Counters
		reserved    int
		proves      bool
	}{
		"a push":                         {true, false, sizedPush, Counters{Unsolicited: 1}, 0, false},
		"to a call that has not asked":   {false, false, sizedLast, Counters{Duplicate: 1}, 0, false},
		"to one that has left":           {true, true, sizedLast, Counters{Late: 1}, 0, true},
		"to one that has left, in parts": {true, true, sizedMore, Counters{Late: 1}, 1, true},
		"to one that has left unasked":   {false, true, sizedLast, Counters{Duplicate: 1}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			withLarge(t, sizedParser{}, func(t *testing.T, w *world) {
				m := w.mustGet(t.Context())
				defer m.Close()
				if row.asked {
					w.mustWrite(m, 1)
				}
				if row.left {
					m.Close()
				}
				w.says(sizedFrame(row.kind, m.id, sizedLimit+1))
				s := w.pool.Stats()
				got := Counters{Late: s.Late, Duplicate: s.Duplicate, Unknown: s.Unknown, Unsolicited: s.Unsolicited, Overflowed: s.Overflowed}
				if c := s.Nodes[0].Conns[0]; got != row.want || c.Reserved != row.reserved || c.Frames != 1 || m.conn.proven() != row.proves {
					t.Errorf("counted %+v of %d frames, %d ids reserved, proven %v; want %+v, %d, %v",
						got, c.Frames, c.Reserved, m.conn.proven(), row.want, row.reserved, row.proves)
				}
				if row.left {
					return
				}
				if !row.asked {
					w.mustWrite(m, 1)
				}
				w.says(sizedFrame(sizedLast, m.id, 20))
				if frame, err := m.Read(); err != nil || len(frame) != 20 {
					t.Errorf("its answer: %d bytes, %v", len(frame), err)
				}
			})
		})
	}
}

// TestLargeFrameWithoutKinds: in a protocol that has none each frame is for who has its id.
func TestLargeFrameWithoutKinds(t *testing.T) {
	withLarge(t, sizedFrames{}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context(), func(o *GetOptions) { o.WithTimeout(time.Second) })
		defer m.Close()
		w.says(sizedFrame(sizedLast, m.id, sizedLimit+1))
		if _, err := m.Read(); !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("got %v, want the error of the frame", err)
		}
	})
}

// TestLateLargeAnswerFreesItsID: for who waits for it.
func TestLateLargeAnswerFreesItsID(t *testing.T) {
	withLarge(t, sizedOnce{}, func(t *testing.T, w *world) {
		m := w.mustGet(t.Context())
		w.mustWrite(m, 1)
		m.Close()
		got := w.getLater(t)
		if len(got) > 0 {
			t.Fatal("two calls have one id")
		}
		w.says(sizedFrame(sizedLast, m.id, sizedLimit+1))
		if len(got) == 0 {
			t.Error("who waits for the id is not served")
		}
	})
}

// getLater begins a Get, which may wait for a minute. What it gets ends with the pool.
func (w *world) getLater(t *testing.T) <-chan *muxConn {
	t.Helper()
	got := make(chan *muxConn, 1)
	go func() {
		opts := w.opts
		opts.WithTimeout(time.Minute)
		if m, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts); err == nil {
			got <- m.(*muxConn)
		}
	}()
	synctest.Wait()
	return got
}

// TestLargeAnswersInOrder: one has its turn like any other, and is for who asked; one to nothing is out of step.
func TestLargeAnswersInOrder(t *testing.T) {
	withLarge(t, sizedInOrder{}, func(t *testing.T, w *world) {
		var downs []Reason
		defer w.pool.Subscribe(func(e Event) {
			if e.Kind == ConnDown {
				downs = append(downs, e.Reason)
			}
		})()
		first, second := w.mustGet(t.Context()), w.mustGet(t.Context())
		defer first.Close()
		defer second.Close()
		w.mustWrite(first, 1)
		w.mustWrite(second, 2)
		synctest.Wait()
		w.says(sizedFrame(sizedLast, 0, sizedLimit+1), sizedFrame(sizedLast, 0, 20))
		if _, err := first.Read(); !errors.Is(err, ErrFrameTooLarge) {
			t.Errorf("the first: %v", err)
		}
		if frame, err := second.Read(); err != nil || len(frame) != 20 {
			t.Errorf("the second: %d bytes, %v", len(frame), err)
		}
		if w.says(sizedFrame(sizedLast, 0, sizedLimit+1)); !slices.Equal(downs, []Reason{ReasonProtocolError}) {
			t.Errorf("after one to nothing the connection has ended for %v", downs)
		}
	})
}
