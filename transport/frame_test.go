package transport_test

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// lengths is the header of a frame that begins with its length in two bytes, of which an odd one makes
// no sense.
func lengths(h []byte) (int, error) {
	n := int(binary.BigEndian.Uint16(h))
	if n%2 == 1 {
		return 0, errOdd
	}
	return n, nil
}

var errOdd = errors.New("odd")

// TestReadFrame: frame by frame, from whatever there is to read from.
func TestReadFrame(t *testing.T) {
	const limit = 1000
	for name, reader := range map[string]func(io.Reader) io.Reader{
		"a plain reader":            func(r io.Reader) io.Reader { return r },
		"a byte at a time":          iotest.OneByteReader,
		"for a plain reader":        func(r io.Reader) io.Reader { return transport.AsFrameReader(r) },
		"a pool's":                  func(r io.Reader) io.Reader { return wire.NewReader(r, limit) },
		"one without growing Takes": func(r io.Reader) io.Reader { return struct{ muxpool.FrameReader }{wire.NewReader(r, limit)} },
	} {
		bounded := strings.HasSuffix(name, "pool's") || strings.HasSuffix(name, "Takes")
		for _, row := range []struct {
			stream string
			frames []string
			end    error
			said   string
		}{
			{"", nil, io.EOF, ""},
			{"\x00\x04ab", []string{"\x00\x04ab"}, io.EOF, ""},
			{"\x00\x04ab\x00\x02\x00\x06cdef", []string{"\x00\x04ab", "\x00\x02", "\x00\x06cdef"}, io.EOF, ""},
			{"\x00\x04ab\x00", []string{"\x00\x04ab"}, io.ErrUnexpectedEOF, ""},
			{"\x00\x04ab\x00\x04", []string{"\x00\x04ab"}, io.ErrUnexpectedEOF, ""},
			{"\x00\x04ab\x00\x04c", []string{"\x00\x04ab"}, io.ErrUnexpectedEOF, ""},
			{"\x00\x04ab\x00\x03cde", []string{"\x00\x04ab"}, errOdd, ""},
			{"\x00\x04ab\x00\x00", []string{"\x00\x04ab"}, nil, "frame of 0 bytes is shorter than its header of 2"},
			{"\x04\x00" + strings.Repeat("x", 1022), []string{"\x04\x00" + strings.Repeat("x", 1022)}, io.EOF, ""},
		} {
			if bounded && len(row.stream) > limit {
				row.frames, row.end = nil, wire.ErrFrameTooLarge
			}
			r := reader(strings.NewReader(row.stream))
			for i := 0; ; i++ {
				if w, ok := r.(interface{ BeginFrame() }); ok {
					w.BeginFrame()
				}
				frame, err := transport.ReadFrame(r, 2, lengths)
				if i < len(row.frames) {
					if err != nil || string(frame) != row.frames[i] {
						t.Errorf("%s, %.20q: frame %d is %.20q, %v; want %.20q", name, row.stream, i, frame, err, row.frames[i])
						break
					}
					continue
				}
				if err == nil || row.end != nil && !errors.Is(err, row.end) || !strings.Contains(err.Error(), row.said) {
					t.Errorf("%s, %.20q: at the end %.20q, %v; want %v %s", name, row.stream, frame, err, row.end, row.said)
				}
				break
			}
		}
	}
}
