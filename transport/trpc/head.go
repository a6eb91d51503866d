package trpc

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/muxkit/muxkit/transport"
)

// Head is what a tRPC head says beyond what a transport.Message has room for.
//
// As the Tag of a request on a server it tells what the client sent. A client's
// hook or codec may set one as the Tag of its request, and a server's as that of
// its answer, to send these things; what is zero there is filled in as without it.
// After an answer a client finds one as its Tag if the answer has an attachment, a
// message type, or another content type than Protocol.ContentType.
type Head struct {
	// Caller and Callee are the names of the two services. Not in answers.
	Caller, Callee string
	// MessageType are the bits of tRPC's TrpcMessageType: 1 dyeing, 2 trace, ...
	MessageType uint32
	// ContentType says how the body is encoded, as Protocol.ContentType.
	ContentType uint32
	// Attachment are the bytes beside the body.
	Attachment []byte

	requestID uint32 // of the request, to be echoed: another than the header's in old clients
	version   uint8  // likewise
	stream    bool   // the frame begins a stream
}

// Field numbers of RequestProtocol and ResponseProtocol in trpc.proto, where both
// have the same up to requestID.
const (
	fieldVersion   = 1
	fieldCallType  = 2
	fieldRequestID = 3

	requestTimeout         = 4
	requestCaller          = 5
	requestCallee          = 6
	requestFunc            = 7
	requestMessageType     = 8
	requestTransInfo       = 9
	requestContentType     = 10
	requestContentEncoding = 11

	responseRet             = 4
	responseFuncRet         = 5
	responseErrorMsg        = 6
	responseMessageType     = 7
	responseTransInfo       = 8
	responseContentType     = 9
	responseContentEncoding = 10

	fieldAttachmentSize = 12
)

const callOneWay = 1

// requestHead is a RequestProtocol. The slices lie in the frame.
type requestHead struct {
	callType, requestID, timeout         uint32
	caller, callee, method               []byte
	messageType, contentType, attachment uint32
	contentEncoding                      uint32
	metadata                             transport.Metadata

	req         *transport.Message // for its limits
	pairs, size int                // of metadata
}

func (h *requestHead) parse(b []byte) (err error) {
	for len(b) > 0 {
		var f field
		if f, b, err = nextField(b); err != nil {
			return err
		}
		switch f.wire {
		case wireVarint:
			if p := h.number(f.number); p != nil {
				*p = uint32(f.n)
			}
		case wireBytes:
			if err := h.bytes(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *requestHead) number(number int) *uint32 {
	switch number {
	case fieldCallType:
		return &h.callType
	case fieldRequestID:
		return &h.requestID
	case requestTimeout:
		return &h.timeout
	case requestMessageType:
		return &h.messageType
	case requestContentType:
		return &h.contentType
	case requestContentEncoding:
		return &h.contentEncoding
	case fieldAttachmentSize:
		return &h.attachment
	}
	return nil
}

func (h *requestHead) bytes(f field) error {
	switch f.number {
	case requestCaller:
		h.caller = f.b
	case requestCallee:
		h.callee = f.b
	case requestFunc:
		h.method = f.b
	case requestTransInfo:
		return h.pair(f.b)
	}
	return nil
}

// pair takes one pair of metadata; a name that comes again counts again.
func (h *requestHead) pair(b []byte) error {
	h.pairs++
	h.size += len(b)
	if err := h.req.CheckMetadata(h.pairs, h.size); err != nil {
		return err
	}
	return addPair(&h.metadata, b)
}

// responseHead is a ResponseProtocol. The slices lie in the frame.
type responseHead struct {
	ret, funcRet                                          int32
	message                                               []byte
	messageType, contentType, contentEncoding, attachment uint32
	metadata                                              transport.Metadata
}

func (h *responseHead) parse(b []byte) (err error) {
	for len(b) > 0 {
		var f field
		if f, b, err = nextField(b); err != nil {
			return err
		}
		switch {
		case f.wire == wireVarint:
			h.number(f)
		case f.wire == wireBytes && f.number == responseErrorMsg:
			h.message = f.b
		case f.wire == wireBytes && f.number == responseTransInfo:
			if err := addPair(&h.metadata, f.b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *responseHead) number(f field) {
	switch f.number {
	case responseRet:
		h.ret = int32(f.n)
	case responseFuncRet:
		h.funcRet = int32(f.n)
	case responseMessageType:
		h.messageType = uint32(f.n)
	case responseContentType:
		h.contentType = uint32(f.n)
	case responseContentEncoding:
		h.contentEncoding = uint32(f.n)
	case fieldAttachmentSize:
		h.attachment = uint32(f.n)
	}
}

// addPair reads an entry of a map<string, bytes>.
func addPair(md *transport.Metadata, b []byte) (err error) {
	var name, value []byte
	for len(b) > 0 {
		var f field
		if f, b, err = nextField(b); err != nil {
			return err
		}
		switch {
		case f.wire == wireBytes && f.number == 1:
			if name = f.b; !utf8.Valid(name) {
				return fmt.Errorf("%w: the name of a trans_info is not UTF-8", errProtobuf)
			}
		case f.wire == wireBytes && f.number == 2:
			value = f.b
		}
	}
	if *md == nil {
		*md = make(transport.Metadata)
	}
	(*md)[string(name)] = string(value)
	return nil
}

func appendMetadata(dst []byte, number int, md transport.Metadata) ([]byte, error) {
	for name, value := range md {
		if !utf8.ValidString(name) {
			return dst, fmt.Errorf("trpc: the metadata name %.80q is not UTF-8", name)
		}
		dst = appendPair(dst, number, name, value)
	}
	return dst, nil
}

// appendPair appends an entry of a map<string, bytes>.
func appendPair(dst []byte, number int, name, value string) []byte {
	dst = append(dst, byte(number<<3|wireBytes))
	dst = binary.AppendUvarint(dst, uint64(sizeBytes(len(name))+sizeBytes(len(value))))
	return appendAllBytes(appendAllBytes(dst, 1, name), 2, value)
}
