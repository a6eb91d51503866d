package protocoltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

func (k *kit) testComparable(t *testing.T) {
	if !reflect.ValueOf(k.p).Comparable() {
		t.Errorf("values of %T cannot be compared: the pool uses them as a part of its keys", k.p)
	}
	if k.space.Min > k.space.Max {
		t.Errorf("the id space is empty: %d to %d", k.space.Min, k.space.Max)
	}
	if len(k.ids()) == 0 {
		t.Error("every id at the ends and in the middle of the id space is reserved")
	}
}

// testAppend checks that AppendRequest appends, and keeps nothing.
func (k *kit) testAppend(t *testing.T) {
	id := k.ids()[0]
	alone, err := k.request(id, k.bodies[0])
	if err != nil {
		t.Fatalf("AppendRequest refuses a body that Bodies names, or %s: %v", k.bodies[0], err)
	}
	want := bytes.Clone(alone)
	body := bytes.Clone(k.bodies[0])
	dst := append(make([]byte, 0, 64<<10), "before"...)
	req := &transport.Message{Method: k.method, Body: body, Session: k.session}
	both, err := k.p.AppendRequest(dst, id, req)
	tag := fmt.Sprintf("%+v", req.Tag)
	clear(body)
	if now := fmt.Sprintf("%+v", req.Tag); now != tag {
		t.Errorf("AppendRequest must copy what its Tag keeps of the Body, whose memory is used again: %.80q became %.80q", tag, now)
	}
	if err != nil || !bytes.Equal(both, append([]byte("before"), want...)) {
		t.Errorf("AppendRequest must append to what it is given: behind %q it made %q, %v, alone %q", "before", both, err, want)
	}
	clear(both)
	if !bytes.Equal(alone, want) {
		t.Error("AppendRequest gives out the same memory twice: it must not keep dst")
	}
	other, err := k.request(k.ids()[len(k.ids())-1], k.bodies[0])
	if len(k.ids()) > 1 && (err != nil || bytes.Equal(other, want)) {
		t.Errorf("AppendRequest makes the same frame for the ids %d and %d: the answers could not be told apart", id, k.ids()[len(k.ids())-1])
	}
}

// testFrames checks that frames are cut one at a time, and their ids told.
func (k *kit) testFrames(t *testing.T) {
	for _, s := range k.samples(t) {
		for _, plain := range []bool{false, true} {
			id, got, err := k.parse(t, s.bytes, plain)
			switch {
			case err != nil && k.answer == nil && k.server == nil:
				t.Fatalf("Parse does not take the protocol's own requests (%v): tell with protocoltest.Answer how the peer answers", err)
			case err != nil:
				t.Fatalf("%s: Parse fails: %v", s.name, err)
			case id != s.id:
				t.Fatalf("%s: Parse tells id %d, not %d: a Client would give the answer to another call", s.name, id, s.id)
			}
			k.checkKind(t, s, got)
		}
		k.testPatience(t, s)
		k.testInARow(t, s)
		if len(s.bytes) < 1000 {
			k.testTruncated(t, s)
		}
	}
}

// checkKind checks what kind a frame is said to be: the only one of its sample, or the
// first of several.
func (k *kit) checkKind(t *testing.T, s sample, frame []byte) {
	t.Helper()
	if c, ok := k.p.(muxpool.FrameClassifier); ok && s.answer {
		kinds := k.kinds(t, c, s)
		for i, kind := range kinds {
			want := muxpool.FrameMore
			if i == len(kinds)-1 {
				want = muxpool.FrameLast
			}
			if kind != want {
				t.Fatalf("%s: ClassifyFrame calls frame %d of %d of the answer %v, not %v: %s", s.name, i+1, len(kinds), kindName(kind), kindName(want), kindRule(kind))
			}
		}
	}
	if c, ok := k.p.(transport.RequestClassifier); ok && !s.answer && k.server != nil {
		if kind := c.ClassifyRequest(s.id, frame); kind != transport.RequestCall {
			t.Errorf("%s: ClassifyRequest calls a request %d, not RequestCall: a Service would not answer it", s.name, kind)
		}
	}
}

// kinds are those of all frames of an answer.
func (k *kit) kinds(t *testing.T, c muxpool.FrameClassifier, s sample) (kinds []muxpool.FrameKind) {
	t.Helper()
	for _, frame := range k.cut(t, s) {
		frame := frame
		k.guard(t, "ClassifyFrame", frame, func() { kinds = append(kinds, c.ClassifyFrame(s.id, frame)) })
	}
	return kinds
}

// cut returns all frames of a sample.
func (k *kit) cut(t *testing.T, s sample) (frames [][]byte) {
	t.Helper()
	r := wire.NewReader(bytes.NewReader(s.bytes), limit)
	for {
		r.BeginFrame()
		if _, err := r.Peek(1); err != nil {
			return frames
		}
		if sep, ok := k.p.(muxpool.Separator); ok && len(frames) > 0 {
			if b, _ := r.Peek(1); sep.Separates(b[0]) {
				_, _ = r.Discard(1)
				continue
			}
		}
		var frame []byte
		var err error
		k.guard(t, "Parse", s.bytes, func() { _, frame, err = k.p.Parse(r) })
		if err != nil {
			t.Fatalf("%s: Parse fails behind %d frames: %v", s.name, len(frames), err)
		}
		if r.Consumed() == 0 {
			t.Fatalf("%s: Parse returns a frame and consumes nothing: a pool would read it for ever", s.name)
		}
		frames = append(frames, frame)
	}
}

func kindName(kind muxpool.FrameKind) string {
	names := []string{"FrameLast", "FrameMore", "FrameKeepAlive", "FrameGoingAway", "FrameUnsolicited", "FrameSettings", "FrameRequest"}
	if int(kind) < len(names) {
		return names[kind]
	}
	return "a kind that there is not"
}

func kindRule(kind muxpool.FrameKind) string {
	switch kind {
	case muxpool.FrameMore:
		return "a call would wait for ever for the last frame"
	case muxpool.FrameLast:
		return "the call would end before its answer is whole"
	}
	return "the call would never hear of its answer"
}

// testPatience checks that Parse returns a frame as soon as it is there.
func (k *kit) testPatience(t *testing.T, s sample) {
	t.Helper()
	first := s.bytes
	if frames := k.cut(t, s); len(frames) > 1 {
		return
	}
	src := &once{rest: bytes.TrimRight(first, " \r\n")}
	if !bytes.Equal(src.rest, first) {
		if _, separates := k.p.(muxpool.Separator); !separates {
			src.rest = first // the line's end is the frame's
		}
	}
	r := wire.NewReader(src, limit)
	k.guard(t, "Parse", first, func() { _, _, _ = k.p.Parse(r) })
	if src.more {
		t.Fatalf("%s: Parse asks for more bytes than its frame has: it must return a frame when that is there, and not wait for the next", s.name)
	}
}

// once is a source that has one read, and notes that more was asked for.
type once struct {
	rest []byte
	more bool
}

func (o *once) Read(p []byte) (int, error) {
	if len(o.rest) == 0 {
		o.more = true
		return 0, io.EOF
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// testInARow reads a sample twice from one stream, then its end.
func (k *kit) testInARow(t *testing.T, s sample) {
	t.Helper()
	once := k.cut(t, s)
	twice := k.cut(t, sample{s.name + ", twice", s.answer, s.id, append(bytes.Clone(s.bytes), s.bytes...), s.body})
	if len(twice) != 2*len(once) {
		t.Fatalf("%s: %d frames, and %d when it comes twice: Parse must not read beyond its frame", s.name, len(once), len(twice))
	}
	for i, frame := range twice {
		if !bytes.Equal(frame, once[i%len(once)]) {
			t.Fatalf("%s: the same frame again was read as %.60q, first as %.60q", s.name, frame, once[i%len(once)])
		}
	}
	r := wire.NewReader(bytes.NewReader(nil), limit)
	var err error
	k.guard(t, "Parse", nil, func() { _, _, err = k.p.Parse(r) })
	if err != io.EOF {
		t.Errorf("%s: at the end between two frames Parse returns %v, not io.EOF", s.name, err)
	}
}

func (k *kit) testTruncated(t *testing.T, s sample) {
	t.Helper()
	frames := k.cut(t, s)
	if len(frames) > 1 {
		return
	}
	whole := len(bytes.TrimRight(s.bytes, " \r\n")) // what may end a line may be missing
	for n := 1; n < whole; n++ {
		for _, plain := range []bool{false, true} {
			if _, _, err := k.parse(t, s.bytes[:n], plain); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: cut after %d of %d bytes Parse returns %v, not io.ErrUnexpectedEOF: a connection that is lost would seem to end in peace", s.name, n, len(s.bytes), err)
				return
			}
		}
	}
}
