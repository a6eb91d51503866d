package native

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Protocol is the native protocol, both sides. The zero value is ready to use, by
// any number of clients and services at once.
type Protocol struct{}

var (
	_ transport.ServerProtocol    = Protocol{}
	_ transport.Canceler          = Protocol{}
	_ transport.OneWayer          = Protocol{}
	_ transport.RequestClassifier = Protocol{}
	_ transport.Ponger            = Protocol{}
	_ transport.GoingAwayer       = Protocol{}
	_ muxpool.IDSpacer            = Protocol{}
	_ muxpool.FrameClassifier     = Protocol{}
	_ muxpool.KeepAliver          = Protocol{}
	_ muxpool.Settler             = Protocol{}
	_ muxpool.Measurer            = Protocol{}
	_ transport.Farewell          = Protocol{}
	_ transport.NextProtocol      = Protocol{}
	_ transport.Healther          = Protocol{}
	_ transport.Describer         = Protocol{}
)

// NextProtocol implements muxpool.NextProtocol.
func (Protocol) NextProtocol() string { return "muxkit/2" }

// HealthMethod implements transport.Healther.
func (Protocol) HealthMethod() string { return "mux.health" }

// DescribeMethod implements transport.Describer.
func (Protocol) DescribeMethod() string { return "mux.describe" }

// Parse implements muxpool.FrameParser.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	if fr, ok := r.(muxpool.FrameReader); ok { // a length that makes no sense is not waited behind
		b, err := fr.Peek(4)
		if err == nil {
			err = checkLength(binary.BigEndian.Uint32(b))
		}
		if err != nil {
			return 0, nil, err
		}
	}
	frame, err := transport.ReadFrame(r, headerSize, totalLength)
	if err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame[8:]), frame, nil
}

func totalLength(b []byte) (int, error) {
	h, err := parseHeader(b)
	return int(h.length) + 4, err
}

// Measure implements muxpool.Measurer.
func (Protocol) Measure(b []byte) (id uint32, total int64, ok bool) {
	if len(b) < headerSize {
		return 0, 0, false
	}
	h, err := parseHeader(b)
	return h.id, int64(h.length) + 4, err == nil
}

// IDSpace implements muxpool.IDSpacer: 0 is the id of what belongs to no call.
func (Protocol) IDSpace() muxpool.IDSpace {
	return muxpool.IDSpace{Min: 1, Max: math.MaxUint32}
}

// ClassifyFrame implements muxpool.FrameClassifier.
func (Protocol) ClassifyFrame(id uint32, frame []byte) muxpool.FrameKind {
	kind, flags := frame[5], frame[6]
	switch {
	case kind == kindAnswer && flags&flagMore != 0:
		return muxpool.FrameMore
	case kind == kindAnswer, kind == kindError:
		return muxpool.FrameLast
	case kind == kindSettings && id == 0:
		return muxpool.FrameSettings
	case flags&flagsVital != 0:
		return muxpool.FrameUnsolicited
	case kind == kindPong:
		return muxpool.FrameKeepAlive
	case kind == kindGoingAway:
		return muxpool.FrameGoingAway
	}
	return muxpool.FrameUnsolicited
}

// AppendKeepAlive implements muxpool.KeepAliver.
func (Protocol) AppendKeepAlive(dst []byte, vid uint32) []byte {
	return appendControl(dst, kindPing, vid)
}

// AppendCancel implements transport.Canceler.
func (Protocol) AppendCancel(dst []byte, id uint32) []byte {
	return appendControl(dst, kindCancel, id)
}

// OneWay implements transport.OneWayer.
func (Protocol) OneWay() {}

// AppendRequest implements transport.Protocol.
func (Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	if len(req.Method) > math.MaxUint16 {
		return dst, fmt.Errorf("native: a method name of %d bytes, at most %d fit", len(req.Method), math.MaxUint16)
	}
	start := len(dst)
	h := header{kind: kindRequest, id: id, textLength: uint16(len(req.Method)), pairs: uint16(len(req.Metadata))}
	if req.OneWay {
		h.flags |= flagOneWay
	}
	if req.Timeout > 0 {
		h.flags |= flagTimeout
	}
	dst = appendHeader(dst, h)
	if req.Timeout > 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(req.Timeout))
	}
	dst = append(dst, req.Method...)
	dst, err := appendMetadata(dst, req.Metadata)
	if err != nil {
		return dst, err
	}
	return finish(append(dst, req.Body...), start)
}

// ParseResponse implements transport.Protocol. An answer in pieces is gathered: until
// the last of them, resp.Tag is this package's.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	h, err := parseHeader(frame)
	if err == nil {
		err = h.vital()
	}
	if err != nil {
		return err
	}
	p := parts{rest: frame[headerSize:]}
	switch h.kind {
	case kindAnswer:
		p.take(int(h.textLength))
		return p.answer(h, resp)
	case kindError:
		failure := &transport.Error{Code: transport.Code(h.code).Travels(), NotRun: h.flags&flagNotRun != 0}
		failure.Status = int(int32(p.uint32()))
		failure.Message = string(p.take(int(h.textLength)))
		md := p.metadata(int(h.pairs))
		if p.err != nil {
			return p.err
		}
		resp.Metadata, resp.Body, resp.Tag = md, p.rest, nil
		return failure
	}
	return fmt.Errorf("native: a frame of kind %d where an answer was expected", h.kind)
}

// timeout is the remaining time that a request states; at least 1 ns, since zero
// is "none".
func timeout(ns uint64) time.Duration {
	return time.Duration(min(max(ns, 1), math.MaxInt64))
}
