package trpc

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"

	"github.com/muxkit/muxkit/muxpool"
)

// Content encodings, out of tRPC's TrpcCompressType.
const (
	encodingNone = 0
	encodingGzip = 1
	encodingZlib = 3
)

// unpack returns a body as it was before it was compressed. Bodies are never
// compressed here: a peer takes plain ones whatever it sent.
func (p Protocol) unpack(body []byte, encoding uint32) ([]byte, error) {
	if encoding == encodingNone || len(body) == 0 {
		return body, nil
	}
	limit, err := p.maxFrame()
	if err != nil {
		return nil, err
	}
	var r io.Reader
	switch encoding {
	case encodingGzip:
		r, err = gzip.NewReader(bytes.NewReader(body))
	case encodingZlib:
		r, err = zlib.NewReader(bytes.NewReader(body))
	default:
		return nil, fmt.Errorf("trpc: a body with content encoding %d: none (0), gzip (1) and zlib (3) are supported", encoding)
	}
	if err != nil {
		return nil, fmt.Errorf("trpc: a body with content encoding %d: %w", encoding, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("trpc: a body with content encoding %d: %w", encoding, err)
	case len(plain) > limit:
		return nil, fmt.Errorf("trpc: %w: a compressed body unpacks to more than %d bytes", muxpool.ErrFrameTooLarge, limit)
	}
	return plain, nil
}
