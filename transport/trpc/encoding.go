package trpc

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/transport"
)

// Content encodings, out of tRPC's TrpcCompressType.
const (
	encodingNone = 0
	encodingGzip = 1
	encodingZlib = 3
)

// unpack sets the body of m, or says how it is unpacked. Bodies are never compressed
// here: a peer takes plain ones whatever it sent.
func (p Protocol) unpack(m *transport.Message, body []byte, encoding uint32) error {
	m.Body = body
	if encoding == encodingNone || len(body) == 0 {
		return nil
	}
	limit, err := p.maxFrame()
	if err != nil {
		return err
	}
	var open func(io.Reader) (io.Reader, error)
	switch {
	case p.RefuseCompressed:
		return fmt.Errorf("trpc: a body with content encoding %d: compressed bodies are not taken", encoding)
	case encoding == encodingGzip:
		open = func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case encoding == encodingZlib:
		open = func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }
	default:
		return fmt.Errorf("trpc: a body with content encoding %d: none (0), gzip (1) and zlib (3) are supported", encoding)
	}
	if err := m.Unpack(limit, func() (io.Reader, error) { return open(bytes.NewReader(body)) }); err != nil {
		return fmt.Errorf("trpc: a body with content encoding %d: %w", encoding, err)
	}
	return nil
}
