package muxtest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

func TestFrameRoundTrip(t *testing.T) {
	want := Frame{Kind: More, ID: 7, Nonce: 1 << 60, Body: []byte("body")}
	b := AppendFrame([]byte("before"), want)[len("before"):]
	for name, read := range map[string]func() (Frame, error){
		"decode": func() (Frame, error) { return DecodeFrame(b) },
		"read":   func() (Frame, error) { return ReadFrame(bytes.NewReader(b)) },
		"pooled": func() (Frame, error) { return parse(Parser{}, wire.NewReader(bytes.NewReader(b), 100)) },
		"plain":  func() (Frame, error) { return parse(Parser{}, bytes.NewReader(b)) },
	} {
		got, err := read()
		if err != nil || got.Kind != want.Kind || got.ID != want.ID || got.Nonce != want.Nonce || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func parse(p muxpool.FrameParser, r io.Reader) (Frame, error) {
	id, b, err := p.Parse(r)
	if err != nil {
		return Frame{}, err
	}
	f, err := DecodeFrame(b)
	if err == nil && f.ID != id {
		err = errors.New("the parser told another id than the frame")
	}
	return f, err
}

func TestParserErrors(t *testing.T) {
	frame := AppendFrame(nil, Frame{Body: make([]byte, 100)})
	huge := append([]byte(nil), frame...)
	copy(huge[4:], "\xff\xff\xff\xff")
	for _, test := range []struct {
		name  string
		input []byte
		want  error
	}{
		{"end between frames", nil, io.EOF},
		{"end in the header", frame[:9], io.ErrUnexpectedEOF},
		{"end in the body", frame[:50], io.ErrUnexpectedEOF},
		{"garbage", []byte("HTTP/1.1 400 Bad Request\r\n"), ErrMalformed},
		{"version", []byte("mx\x02                 "), ErrMalformed},
		{"kind", []byte("mx\x01\x63                "), ErrMalformed},
		{"huge", huge, wire.ErrFrameTooLarge},
		{"over the limit", AppendFrame(nil, Frame{Body: make([]byte, 2000)}), wire.ErrFrameTooLarge},
	} {
		for _, p := range []muxpool.FrameParser{Parser{}, PlainParser{}} {
			r := wire.NewReader(bytes.NewReader(test.input), 1000)
			if _, _, err := p.Parse(r); !errors.Is(err, test.want) && !(test.name == "huge" && errors.Is(err, io.ErrUnexpectedEOF)) {
				t.Errorf("%s, %T: %v, want %v", test.name, p, err, test.want)
			}
		}
	}
}

func TestParserAllocatesNothingForALie(t *testing.T) {
	lie := AppendFrame(nil, Frame{})
	copy(lie[4:], "\xff\xff\xff\xff")
	for _, p := range []muxpool.FrameParser{Parser{}, PlainParser{}} {
		size := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				p.Parse(wire.NewReader(bytes.NewReader(lie), 1<<20))
			}
		}).AllocedBytesPerOp()
		if size > 16<<10 {
			t.Errorf("%T: %d bytes for a header", p, size)
		}
	}
}

func TestIDs(t *testing.T) {
	if s := (IDs{}).IDSpace(); s.Min != 0 || s.Max != 1<<32-1 || s.Reserved != nil {
		t.Errorf("zero value: %+v", s)
	}
	s := IDs{Min: 1, Max: 9, Reserve: 3}.IDSpace()
	if s.Min != 1 || s.Max != 9 || !slices.Equal(s.Reserved, []muxpool.IDRange{{First: 3, Last: 3}, {First: 6, Last: 6}, {First: 9, Last: 9}}) {
		t.Errorf("%+v", s)
	}
}

// FuzzParser: both parsers agree on any input, and on what ReadFrame reads.
func FuzzParser(f *testing.F) {
	f.Add(AppendFrame(nil, Frame{Kind: Answer, ID: 1, Nonce: 2, Body: []byte("body")}))
	f.Add(AppendFrame(AppendFrame(nil, Frame{}), Frame{Kind: Push, Body: []byte("x")}))
	f.Add([]byte("mx\x01\x01\xff\xff\xff\xff"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		readers := []io.Reader{wire.NewReader(bytes.NewReader(input), 1<<16), bytes.NewReader(input), bytes.NewReader(input)}
		for {
			a, errA := parse(Parser{}, readers[0])
			b, errB := parse(PlainParser{}, readers[1])
			c, errC := ReadFrame(readers[2])
			if (errA == nil) != (errB == nil) || (errB == nil) != (errC == nil) {
				t.Fatalf("%v, %v, %v", errA, errB, errC)
			}
			if errA != nil {
				return
			}
			if r := readers[0].(*wire.Reader); r.Consumed() != len(AppendFrame(nil, a)) {
				t.Fatalf("consumed %d bytes of a frame of %d", r.Consumed(), len(AppendFrame(nil, a)))
			}
			readers[0].(*wire.Reader).BeginFrame()
			if !bytes.Equal(AppendFrame(nil, a), AppendFrame(nil, b)) || !bytes.Equal(AppendFrame(nil, b), AppendFrame(nil, c)) {
				t.Fatalf("%+v, %+v, %+v", a, b, c)
			}
		}
	})
}
