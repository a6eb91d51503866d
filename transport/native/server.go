package native

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/muxkit/muxkit/transport"
)

// ClassifyRequest implements transport.RequestClassifier.
func (Protocol) ClassifyRequest(_ uint32, frame []byte) transport.RequestKind {
	switch frame[5] {
	case kindRequest:
		return transport.RequestCall
	case kindCancel:
		return transport.RequestCancel
	case kindPing:
		return transport.RequestPing
	}
	return transport.RequestIgnored
}

// AppendPong implements transport.Ponger.
func (Protocol) AppendPong(dst []byte, id uint32, _ []byte) []byte {
	return appendControl(dst, kindPong, id)
}

// AppendGoingAway implements transport.GoingAwayer.
func (Protocol) AppendGoingAway(dst []byte) []byte {
	return appendControl(dst, kindGoingAway, 0)
}

// ParseRequest implements transport.ServerProtocol.
func (Protocol) ParseRequest(frame []byte, req *transport.Message) error {
	h, err := parseHeader(frame)
	if err != nil {
		return err
	}
	if h.kind != kindRequest {
		return fmt.Errorf("native: a frame of kind %d where a request was expected", h.kind)
	}
	req.OneWay = h.flags&flagOneWay != 0
	p := parts{rest: frame[headerSize:]}
	if h.flags&flagTimeout != 0 {
		req.Timeout = timeout(p.uint64())
	}
	req.SetMethod(p.take(int(h.textLength)))
	req.Metadata = p.metadata(int(h.pairs))
	req.Body = p.rest
	return p.err
}

// AppendResponse implements transport.ServerProtocol. An error's message is cut to
// what fits.
func (Protocol) AppendResponse(dst []byte, id uint32, _, resp *transport.Message) ([]byte, error) {
	start := len(dst)
	h := header{kind: kindAnswer, id: id, pairs: uint16(len(resp.Metadata))}
	if e := resp.Err; e == nil {
		dst = appendHeader(dst, h)
	} else {
		if int64(e.Status) != int64(int32(e.Status)) {
			return dst, fmt.Errorf("native: an error's status %d does not fit 32 bits", e.Status)
		}
		message := e.Message[:min(len(e.Message), math.MaxUint16)]
		h.kind, h.code, h.textLength = kindError, uint8(e.Code), uint16(len(message))
		dst = appendHeader(dst, h)
		dst = binary.BigEndian.AppendUint32(dst, uint32(int32(e.Status)))
		dst = append(dst, message...)
	}
	dst, err := appendMetadata(dst, resp.Metadata)
	if err != nil {
		return dst, err
	}
	return finish(append(dst, resp.Body...), start)
}
