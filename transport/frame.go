package transport

import (
	"fmt"
	"io"

	"github.com/muxkit/muxkit/muxpool"
)

// ReadFrame is for Parse functions of protocols with a header of fixed size that
// tells the frame's length: it reads one frame whole, header included. total
// returns the frame's length in bytes, header included, or an error that ends the
// connection; it must not keep the header. Of a header whose size varies it is enough
// to give as much as tells the length; look with AsFrameReader how much that is.
//
// From a muxpool.FrameReader, which is what a pool and a Service give to Parse, the
// frame is read into pooled memory, after its length was checked, which grows as its
// bytes come. It returns
// io.EOF between two frames and io.ErrUnexpectedEOF inside one.
func ReadFrame(r io.Reader, header int, total func(header []byte) (int, error)) ([]byte, error) {
	fr := AsFrameReader(r)
	h, err := fr.Peek(header)
	if err != nil {
		return nil, err
	}
	n, err := frameLength(h, total)
	if err != nil {
		return nil, err
	}
	if t, ok := fr.(taker); ok {
		frame, err := t.Take(n)
		return frame, inside(err)
	}
	frame, err := fr.Alloc(n)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(fr, frame); err != nil {
		muxpool.Release(frame)
		return nil, inside(err)
	}
	return frame, nil
}

// taker is a FrameReader whose memory for a frame grows as its bytes come.
type taker interface {
	Take(n int) ([]byte, error)
}

func frameLength(h []byte, total func(header []byte) (int, error)) (int, error) {
	n, err := total(h)
	if err == nil && n < len(h) {
		err = fmt.Errorf("transport: frame of %d bytes is shorter than its header of %d", n, len(h))
	}
	return n, err
}

// inside is the error of a stream that ended inside a frame.
func inside(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
