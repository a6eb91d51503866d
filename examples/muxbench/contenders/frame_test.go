package contenders

import (
	"bytes"
	"testing"
)

func TestWholeFrames(t *testing.T) {
	two := appendFrame(appendFrame(nil, 1, []byte("first")), 2, nil)
	first := FrameHeader + len("first")
	for n := range len(two) + 1 {
		want := 0
		if n >= first {
			want = first
		}
		if n == len(two) {
			want = n
		}
		if got := WholeFrames(two[:n]); got != want {
			t.Errorf("of %d bytes %d are whole frames, want %d", n, got, want)
		}
	}
}

func FuzzWholeFrames(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendFrame(nil, 7, []byte("payload")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := WholeFrames(b)
		if n < 0 || n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		var again []byte
		for rest := b[:n]; len(rest) > 0; {
			size, id := parseHeader(rest)
			again = appendFrame(again, id, rest[FrameHeader:FrameHeader+size])
			rest = rest[FrameHeader+size:]
		}
		if !bytes.Equal(again, b[:n]) {
			t.Fatal("the frames do not make up what was parsed")
		}
	})
}
