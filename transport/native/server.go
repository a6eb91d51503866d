package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/muxkit/muxkit/transport"
)

// ClassifyRequest implements transport.RequestClassifier.
func (Protocol) ClassifyRequest(id uint32, frame []byte) transport.RequestKind {
	kind, flags := frame[5], frame[6]
	switch {
	case kind == kindRequest:
		return transport.RequestCall
	case kind == kindSettings && id == 0:
		return transport.RequestSettings
	case flags&flagsVital != 0:
		return transport.RequestIgnored
	case kind == kindCancel:
		return transport.RequestCancel
	case kind == kindPing:
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

// ParseRequest implements transport.ServerProtocol. A request that this version cannot
// read as it is meant, since its body comes in pieces or flags are not known, is refused
// as unimplemented.
func (Protocol) ParseRequest(frame []byte, req *transport.Message) error {
	h, err := parseHeader(frame)
	if err != nil {
		return err
	}
	if h.kind != kindRequest {
		return fmt.Errorf("native: a frame of kind %d where a request was expected", h.kind)
	}
	req.OneWay = h.flags&flagOneWay != 0
	if err := h.vital(); err != nil {
		return refused(err) // what follows the header may be something else
	}
	p := parts{rest: frame[headerSize:]}
	if h.flags&flagTimeout != 0 {
		req.Timeout = timeout(p.uint64())
	}
	req.SetMethod(p.take(int(h.textLength)))
	if err := req.CheckMetadata(int(h.pairs), p.metadataBytes(int(h.pairs))); err != nil {
		return err
	}
	req.Metadata = p.metadata(int(h.pairs))
	req.Body = p.rest
	if p.err == nil && h.flags&flagMore != 0 {
		return refused(errPieces)
	}
	return p.err
}

var errPieces = errors.New("native: this side does not take a request's body in pieces")

// refused is the error of a request that makes sense, but not to this version.
func refused(err error) error {
	return &transport.Error{Code: transport.CodeUnimplemented, Message: err.Error(), Err: err}
}

// AppendResponse implements transport.ServerProtocol. An error's message is cut to
// what fits, and a status that does not is left out.
func (Protocol) AppendResponse(dst []byte, id uint32, _, resp *transport.Message) ([]byte, error) {
	start := len(dst)
	h := header{kind: kindAnswer, id: id, pairs: uint16(len(resp.Metadata))}
	if e := resp.Err; e == nil {
		dst = appendHeader(dst, h)
	} else {
		status := int32(e.Status)
		if int64(status) != int64(e.Status) {
			status = 0
		}
		message := e.Message[:min(len(e.Message), math.MaxUint16)]
		h.kind, h.code, h.textLength = kindError, uint8(e.Code.Travels()), uint16(len(message))
		if e.NotRun {
			h.flags |= flagNotRun
		}
		dst = appendHeader(dst, h)
		dst = binary.BigEndian.AppendUint32(dst, uint32(status))
		dst = append(dst, message...)
	}
	dst, err := appendMetadata(dst, resp.Metadata)
	if err != nil {
		return dst, err
	}
	return finish(append(dst, resp.Body...), start)
}
