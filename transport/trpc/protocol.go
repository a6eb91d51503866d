package trpc

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// DefaultMaxFrame is the size in bytes of the largest frame, as in trpc-go.
const DefaultMaxFrame = 10 << 20

// Protocol is the tRPC protocol, both sides. The zero value is ready to use. Its
// values are comparable and safe for concurrent use; a pool shares connections
// between equal ones only.
type Protocol struct {
	// Caller is the name of the service that calls, as tRPC's naming goes:
	// "trpc.app.server.service". Default: none is told.
	Caller string
	// Callee is the name of the service that is called. Default: the method's
	// "package.Service".
	Callee string
	// ContentType says how bodies are encoded: ContentProtobuf (the default),
	// ContentJSON, ContentNoop or another of tRPC's numbers. It is for requests
	// only: answers have the content type of their request.
	ContentType uint32
	// MaxFrame is the size in bytes of the largest frame that is sent or
	// accepted, and of the largest body that is unpacked from a compressed one.
	// Default DefaultMaxFrame. The limits of the pool (4 MiB by default) and of
	// the Service hold besides, for both.
	MaxFrame int
	// RefuseCompressed fails calls whose body comes compressed instead of unpacking it.
	RefuseCompressed bool
}

// Content types, out of tRPC's TrpcContentEncodeType.
const (
	ContentProtobuf uint32 = 0
	ContentJSON     uint32 = 2
	ContentNoop     uint32 = 4 // bytes as they are
)

var (
	_ transport.ServerProtocol    = Protocol{}
	_ transport.RequestClassifier = Protocol{}
	_ transport.OneWayer          = Protocol{}
	_ muxpool.IDSpacer            = Protocol{}
	_ muxpool.Measurer            = Protocol{}
	_ muxpool.KeepAliver          = KeepAlive{}
)

// Parse implements muxpool.FrameParser. The id is that of the header: a peer that
// could not read the head has no other.
func (p Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	limit, err := p.maxFrame()
	if err != nil {
		return 0, nil, err
	}
	if err := checkMagic(r); err != nil {
		return 0, nil, err
	}
	frame, err := transport.ReadFrame(r, headerSize, func(b []byte) (int, error) { return totalLength(b, limit) })
	if err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame[10:]), frame, nil
}

// Measure implements muxpool.Measurer.
func (Protocol) Measure(b []byte) (id uint32, total int64, ok bool) {
	if len(b) < headerSize {
		return 0, 0, false
	}
	n, err := totalLength(b, math.MaxInt)
	return binary.BigEndian.Uint32(b[10:]), int64(n), err == nil
}

// IDSpace implements muxpool.IDSpacer. 0 is left out: an answer that lost its id
// has it.
func (Protocol) IDSpace() muxpool.IDSpace {
	return muxpool.IDSpace{Min: 1, Max: math.MaxUint32}
}

// OneWay implements transport.OneWayer.
func (Protocol) OneWay() {}

func (p Protocol) maxFrame() (int, error) {
	switch n := p.MaxFrame; {
	case n == 0:
		return DefaultMaxFrame, nil
	case n < headerSize || int64(n) > math.MaxUint32:
		return 0, fmt.Errorf("%w: trpc.Protocol.MaxFrame: %d bytes, from %d to %d make sense",
			transport.ErrInvalidOption, n, headerSize, uint32(math.MaxUint32))
	default:
		return n, nil
	}
}
