package protocoltest

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

const (
	spoilt  = 0xdb // what memory is filled with that nobody may look at any more
	rounds  = 16   // of what may go unnoticed once
	churned = 8    // pieces of memory that are taken at a time
)

// strictReader is a FrameReader that gives out what Peek looks at in memory of its own,
// and spoils it when it is not valid any more.
type strictReader struct {
	*wire.Reader
	peeked []byte
}

func (s *strictReader) spoil() {
	for i := range s.peeked {
		s.peeked[i] = spoilt
	}
	s.peeked = nil
}

func (s *strictReader) Peek(n int) ([]byte, error) {
	s.spoil()
	b, err := s.Reader.Peek(n)
	s.peeked = bytes.Clone(b)
	return s.peeked, err
}

func (s *strictReader) Read(p []byte) (int, error) {
	s.spoil()
	return s.Reader.Read(p)
}

// Take is no part of a FrameReader: it is hidden, so that Alloc is used.
func (s *strictReader) Take(struct{}) {}

// told is what a Message and an error say beside the body.
func told(m *transport.Message, err error) string {
	return fmt.Sprintf("method %q, metadata %q, error %v", m.Method, m.Metadata, err)
}

// churn takes and spoils memory of the size of frame, as other connections do. It has to
// run on the goroutine that may have released frame.
func churn(frame []byte) {
	var taken [churned][]byte
	for i := range taken {
		taken[i] = wire.Alloc(max(cap(frame), 1))
		taken[i] = taken[i][:cap(taken[i])]
		for j := range taken[i] {
			taken[i][j] = spoilt
		}
	}
	runtime.KeepAlive(&taken)
}

// testMemory checks that a frame, and what is made of it, is its reader's alone.
func (k *kit) testMemory(t *testing.T) {
	var others []sample
	for _, s := range k.samples(t) {
		if len(others) < churned && len(s.bytes) < 1000 {
			others = append(others, s)
		}
	}
	if len(others) == 0 {
		others = k.samples(t)[:1]
	}
	for _, s := range k.small(t) {
		for range rounds {
			k.testFrameMemory(t, s, others)
		}
		for range rounds { // then, as it would take what Parse has released for ParseResponse's
			k.testMessageMemory(t, s)
		}
	}
	k.testAnnounced(t)
}

func (k *kit) testFrameMemory(t *testing.T, s sample, others []sample) {
	t.Helper()
	r := &strictReader{Reader: wire.NewReader(bytes.NewReader(append(bytes.Clone(s.bytes), s.bytes...)), limit)}
	var frame, want, churnedTo []byte
	var err error
	k.guard(t, "Parse", s.bytes, func() {
		_, frame, err = k.p.Parse(r)
		want = bytes.Clone(frame)
		churn(frame)
		churnedTo = bytes.Clone(frame)
	})
	if err != nil {
		t.Fatalf("%s: Parse fails where it did not before: %v: what Peek returned is valid until the next call only", s.name, err)
	}
	if !bytes.Equal(churnedTo, want) {
		t.Fatalf("%s: Parse has released the frame that it returns: it is its reader's", s.name)
	}
	if r.spoil(); !bytes.Equal(frame, want) {
		t.Fatalf("%s: the frame lies in what Peek returned, which the reader uses again: it must be copied, as into memory from Alloc", s.name)
	}
	for _, next := range others { // of other connections
		_, _, _ = k.parse(t, next.bytes, false)
	}
	if !bytes.Equal(frame, want) {
		t.Fatalf("%s: reading the next frame changed this one: Parse reuses memory", s.name)
	}
}

// testMessageMemory checks that nothing of a Message but its Body refers to the frame.
func (k *kit) testMessageMemory(t *testing.T, s sample) {
	t.Helper()
	frames := k.cut(t, s)
	frame := frames[len(frames)-1]
	var m transport.Message
	read, what := func() error { return k.p.ParseResponse(frame, &m) }, "ParseResponse"
	if !s.answer {
		if k.server == nil {
			return
		}
		read, what = func() error { return k.server.ParseRequest(frame, &m) }, "ParseRequest"
	} else {
		m = *k.question(s.id, s.body)
	}
	var err error
	var body, churnedTo []byte
	k.guard(t, what, frame, func() {
		err = read()
		body = bytes.Clone(m.Body)
		churn(frame)
		churnedTo = bytes.Clone(m.Body)
	})
	kept := told(&m, err)
	if !bytes.Equal(churnedTo, body) {
		t.Fatalf("%s: %s has released the frame: it belongs to the call, and Body lies in it", s.name, what)
	}
	for i := range frame {
		frame[i] = spoilt
	}
	if now := told(&m, err); now != kept {
		t.Fatalf("%s: %s must copy all but Body: when the frame was used again, %.200q became %.200q", s.name, what, kept, now)
	}
}

// testAnnounced checks that a frame that is announced, and does not come, takes no memory.
func (k *kit) testAnnounced(t *testing.T) {
	frame, ok := k.oversized(t, limit+limit/16)
	if !ok {
		return
	}
	begin := frame[:min(len(frame), 512)]
	least := ^uint64(0)
	for range 3 { // others in this process may take memory, too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = k.parse(t, begin, false)
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > limit/2 {
		t.Fatalf("Parse takes %d bytes of memory for a frame of %d of which %d have come, where %d are allowed: a length is a claim: "+
			"ask the reader's Alloc, which knows the limit, or use transport.ReadFrame", least, len(frame), len(begin), limit)
	}
}
