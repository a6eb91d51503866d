package trpc

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// AppendRequest implements transport.Protocol.
func (p Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	limit, err := p.maxFrame()
	if err != nil {
		return dst, err
	}
	h, err := p.requestHead(req)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst = appendHeader(dst, frameUnary, 0, id, version1)
	if req.OneWay {
		dst = appendVarint(dst, fieldCallType, callOneWay)
	}
	dst = appendVarint(dst, fieldRequestID, uint64(id))
	dst = appendVarint(dst, requestTimeout, milliseconds(req.Timeout))
	dst = appendBytes(dst, requestCaller, h.Caller)
	dst = appendBytes(dst, requestCallee, h.Callee)
	dst = appendBytes(dst, requestFunc, req.Method)
	dst = appendVarint(dst, requestMessageType, uint64(h.MessageType))
	if dst, err = appendMetadata(dst, requestTransInfo, req.Metadata); err != nil {
		return dst, err
	}
	dst = appendVarint(dst, requestContentType, uint64(h.ContentType))
	dst = appendVarint(dst, fieldAttachmentSize, uint64(len(h.Attachment)))
	headEnd := len(dst)
	dst = append(append(dst, req.Body...), h.Attachment...)
	return finish(dst, start, headEnd, limit)
}

// requestHead is the Head that goes out with req.
func (p Protocol) requestHead(req *transport.Message) (Head, error) {
	var h Head
	switch tag := req.Tag.(type) {
	case nil:
	case *Head:
		h = *tag
	default:
		return h, fmt.Errorf("trpc: a request's Tag is a %T, not a *trpc.Head", req.Tag)
	}
	if h.Caller == "" {
		h.Caller = p.Caller
	}
	if h.Callee == "" {
		h.Callee = p.Callee
	}
	if h.Callee == "" {
		h.Callee = serviceOf(req.Method)
	}
	if h.ContentType == 0 {
		h.ContentType = p.ContentType
	}
	return h, nil
}

// serviceOf is "package.Service" of "/package.Service/Method".
func serviceOf(method string) string {
	rest, rooted := strings.CutPrefix(method, "/")
	if i := strings.LastIndexByte(rest, '/'); rooted && i > 0 {
		return rest[:i]
	}
	return ""
}

// milliseconds is the time left as it travels: rounded down, but never to 0, which
// is "no limit".
func milliseconds(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	return uint64(min(max(d.Milliseconds(), 1), math.MaxUint32))
}

// ParseResponse implements transport.Protocol.
func (p Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	b, rest, err := split(frame)
	if err != nil {
		return err
	}
	var h responseHead // an empty head is one of zeros
	if err := h.parse(b); err != nil {
		return err
	}
	resp.GoingAway = h.metadata[transport.MetadataGoingAway] == "1"
	body, attachment, err := cutAttachment(rest, h.attachment)
	if err != nil {
		return err
	}
	if err = p.unpack(resp, body, h.contentEncoding); err != nil {
		return err
	}
	resp.Metadata, resp.Tag = h.metadata, nil // the Tag was the request's
	if len(attachment) > 0 || h.messageType != 0 || h.contentType != p.ContentType {
		resp.Tag = &Head{MessageType: h.messageType, ContentType: h.contentType, Attachment: attachment}
	}
	if failure := h.failure(); failure != nil {
		return failure
	}
	return nil
}

// cutAttachment parts the attachment, which it copies, from the body.
func cutAttachment(b []byte, size uint32) (body, attachment []byte, err error) {
	if int64(size) > int64(len(b)) {
		return nil, nil, fmt.Errorf("trpc: an attachment of %d bytes where %d are left", size, len(b))
	}
	if size == 0 {
		return b, nil, nil
	}
	end := len(b) - int(size)
	return b[:end:end], append([]byte(nil), b[end:]...), nil
}
