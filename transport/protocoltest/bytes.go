package protocoltest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
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
		t.Fatal(err)
	}
	prefix := []byte("before")
	body := bytes.Clone(k.bodies[0])
	both, err := k.p.AppendRequest(bytes.Clone(prefix), id, &transport.Message{Method: k.method, Body: body})
	clear(body)
	if err != nil || !bytes.Equal(both, append(prefix, alone...)) {
		t.Errorf("after a prefix AppendRequest made %q, %v, alone %q", both, err, alone)
	}
}

// testFrames checks that frames are cut one at a time, and their ids told.
func (k *kit) testFrames(t *testing.T) {
	frames := k.frames(t)
	if len(frames) == 0 {
		t.Skip("no server side and no Answer option: no frames to cut")
	}
	for name, frame := range frames {
		_, _, idText := cutID(name)
		for _, plain := range []bool{false, true} {
			id, got, err := k.parse(frame, plain)
			if err != nil || fmt.Sprint(id) != idText {
				t.Errorf("%s: Parse told id %d, %v", name, id, err)
				continue
			}
			k.checkKind(t, name, id, got)
		}
		k.testInARow(t, name, frame)
		if len(frame) < 1000 {
			k.testTruncated(t, name, frame)
		}
	}
}

func cutID(name string) (before, found, id string) {
	i := strings.LastIndex(name, " ")
	return name[:i], " ", name[i+1:]
}

func (k *kit) checkKind(t *testing.T, name string, id uint32, frame []byte) {
	t.Helper()
	if c, ok := k.p.(muxpool.FrameClassifier); ok && strings.HasPrefix(name, "answer") {
		if kind := c.ClassifyFrame(id, frame); kind != muxpool.FrameLast {
			t.Errorf("%s: ClassifyFrame calls an answer %d, not FrameLast", name, kind)
		}
	}
	if c, ok := k.p.(transport.RequestClassifier); ok && strings.HasPrefix(name, "request") {
		if kind := c.ClassifyRequest(id, frame); kind != transport.RequestCall {
			t.Errorf("%s: ClassifyRequest calls a request %d, not RequestCall", name, kind)
		}
	}
}

// testInARow reads a frame twice from one stream, then its end.
func (k *kit) testInARow(t *testing.T, name string, frame []byte) {
	t.Helper()
	r := wire.NewReader(bytes.NewReader(append(bytes.Clone(frame), frame...)), limit)
	_, first, err := k.p.Parse(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	kept := bytes.Clone(first)
	r.BeginFrame()
	_, second, err := k.p.Parse(r)
	if err != nil || !bytes.Equal(second, kept) {
		t.Errorf("%s: the same frame again was read as %.60q, %v, first as %.60q", name, second, err, kept)
	}
	if !bytes.Equal(first, kept) {
		t.Errorf("%s: reading the next frame changed this one: Parse reuses memory", name)
	}
	r.BeginFrame()
	if _, _, err := k.p.Parse(r); err != io.EOF {
		t.Errorf("%s: at the end between two frames Parse returns %v, not io.EOF", name, err)
	}
}

func (k *kit) testTruncated(t *testing.T, name string, frame []byte) {
	t.Helper()
	whole := len(bytes.TrimRight(frame, " \r\n")) // what may end a line may be missing
	for n := 1; n < whole; n++ {
		for _, plain := range []bool{false, true} {
			if _, _, err := k.parse(frame[:n], plain); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: cut after %d of %d bytes Parse returns %v, not io.ErrUnexpectedEOF", name, n, len(frame), err)
				return
			}
		}
	}
}

// testOversized checks that a frame over the reader's limit is not read.
func (k *kit) testOversized(t *testing.T) {
	frame, err := k.request(k.ids()[0], fmt.Appendf(nil, "%q", strings.Repeat("y", 2*limit)))
	if err != nil {
		t.Skipf("the protocol has no frames of this size: %v", err)
	}
	if _, got, err := k.parse(frame, false); !errors.Is(err, wire.ErrFrameTooLarge) {
		t.Errorf("of a frame of %d bytes, where %d are allowed, Parse made %d bytes, %v", len(frame), limit, len(got), err)
	}
	k.testMeasured(t, frame)
}

// testMeasured checks that a frame over the limit can be passed over where the protocol
// says so, and that Measure says of others what Parse does.
func (k *kit) testMeasured(t *testing.T, large []byte) {
	m, ok := k.p.(muxpool.Measurer)
	if !ok {
		return
	}
	next := k.small(t)[0]
	r := wire.NewReader(bytes.NewReader(append(bytes.Clone(large), next...)), limit)
	_, _, _ = k.p.Parse(r)
	head, err := r.Head()
	if err != nil {
		t.Fatalf("Parse has consumed %d bytes of a frame that it refused as too large", r.Consumed())
	}
	if id, total, ok := m.Measure(head); !ok || id != k.ids()[0] || total != int64(len(large)) {
		t.Errorf("of a frame with id %d of %d bytes, Measure says %d, %d, %v", k.ids()[0], len(large), id, total, ok)
	}
	if err := r.Skip(int64(len(large))); err != nil {
		t.Fatal(err)
	}
	r.BeginFrame()
	if _, got, err := k.p.Parse(r); err != nil || !bytes.Equal(got, next) {
		t.Errorf("behind a frame that was passed over, Parse made %d bytes, %v", len(got), err)
	}
	for name, frame := range k.frames(t) {
		id, _, _ := k.parse(frame, false)
		if got, total, ok := m.Measure(frame); !ok || got != id || total != int64(len(frame)) {
			t.Errorf("%s: Measure says %d, %d, %v", name, got, total, ok)
		}
	}
	for _, garbage := range append(k.garbage, nil, []byte{0}) {
		_, _, _ = m.Measure(garbage) // must not panic
	}
}

// testGarbage checks that nothing that a peer may send makes the protocol panic or
// go on for ever.
func (k *kit) testGarbage(t *testing.T) {
	zeros := make([]byte, 2*limit)
	for _, g := range k.garbage {
		if id, frame, err := k.parse(append(bytes.Clone(g), zeros...), false); err == nil {
			t.Errorf("Parse took %.40q for a frame of %d bytes with id %d", g, len(frame), id)
		}
	}
	for _, frame := range k.small(t) {
		for i := range frame {
			for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff, frame[i] ^ 1} {
				bad := bytes.Clone(frame)
				bad[i] = b
				k.digest(bad)
			}
		}
	}
}

// digest drives everything that looks at bytes from a peer.
func (k *kit) digest(b []byte) {
	r := wire.NewReader(bytes.NewReader(b), limit)
	for {
		r.BeginFrame()
		id, frame, err := k.p.Parse(r)
		if f, ok := k.p.(transport.Farewell); ok && err != nil {
			f.AppendFarewell(nil, err)
		}
		if err != nil || r.Consumed() == 0 {
			return
		}
		if c, ok := k.p.(muxpool.FrameClassifier); ok {
			c.ClassifyFrame(id, frame)
		}
		if c, ok := k.p.(transport.RequestClassifier); ok {
			c.ClassifyRequest(id, frame)
		}
		if s, ok := k.p.(muxpool.Settler); ok {
			_, _ = s.ReadSettings(frame)
		}
		_ = k.p.ParseResponse(frame, new(transport.Message))
		if k.server != nil {
			_ = k.server.ParseRequest(frame, new(transport.Message))
		}
	}
}

// Fuzz drives everything that looks at bytes from a peer with b. It is the body of
// a fuzz test, whose seeds are Seeds.
func Fuzz(p transport.Protocol, b []byte) {
	server, _ := p.(transport.ServerProtocol)
	(&kit{p: p, server: server}).digest(b)
}
