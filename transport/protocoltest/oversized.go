package protocoltest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// oversized makes a frame with a body of at least size bytes; ok is false if the protocol
// has none. Without a server side it is an answer, where those are known.
func (k *kit) oversized(t *testing.T, size int) (frame []byte, ok bool) {
	t.Helper()
	if k.large == nil {
		return nil, false
	}
	body := k.large(size)
	if len(body) < size {
		t.Fatalf("LargeBody made a body of %d bytes, at least %d are wanted", len(body), size)
	}
	var err error
	if k.server == nil && k.answer != nil {
		frame, err = k.answer(nil, k.ids()[0], body)
	} else {
		frame, err = k.request(k.ids()[0], body)
	}
	if err != nil {
		t.Logf("AppendRequest refuses a JSON string of %d bytes: %v: if the protocol has frames of this size, tell with protocoltest.LargeBody how a body of them is made", size, err)
		return nil, false
	}
	return frame, true
}

// testOversized checks that a frame over the reader's limit is not read.
func (k *kit) testOversized(t *testing.T) {
	frame, ok := k.oversized(t, 2*limit)
	if !ok {
		t.Skip("the protocol has no frames of this size")
	}
	if _, got, err := k.parse(t, frame, false); !errors.Is(err, wire.ErrFrameTooLarge) {
		t.Errorf("of a frame of %d bytes, where %d are allowed, Parse made %d bytes, %v: it must return the reader's ErrFrameTooLarge", len(frame), limit, len(got), err)
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
	next := k.small(t)[0].bytes
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
	for _, s := range k.samples(t) {
		if got, total, ok := m.Measure(s.bytes); len(k.cut(t, s)) == 1 && (!ok || got != s.id || total != int64(len(s.bytes))) {
			t.Errorf("%s: Measure says %d, %d, %v", s.name, got, total, ok)
		}
	}
	for _, garbage := range append(k.garbage, nil, []byte{0}) {
		k.guard(t, "Measure", garbage, func() { _, _, _ = m.Measure(garbage) })
	}
}
