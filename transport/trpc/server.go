package trpc

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// ClassifyRequest implements transport.RequestClassifier: the first frame of a
// stream is a request, which is then refused; the stream's other frames are not
// answered.
func (Protocol) ClassifyRequest(_ uint32, frame []byte) transport.RequestKind {
	if len(frame) >= headerSize && frame[2] == frameStream && frame[3] != streamInit {
		return transport.RequestIgnored
	}
	return transport.RequestCall
}

// ParseRequest implements transport.ServerProtocol.
func (p Protocol) ParseRequest(frame []byte, req *transport.Message) error {
	head := new(Head)
	req.Tag = head
	if len(frame) >= headerSize {
		head.version, head.stream = frame[14], frame[2] == frameStream
	}
	b, rest, err := split(frame)
	if err != nil {
		head.glean(frame, req)
		return refuse(err)
	}
	if len(b) == 0 {
		return refuse(errNoHead)
	}
	h := requestHead{req: req}
	if err := h.parse(b); err != nil {
		return refuse(err)
	}
	head.fill(&h)
	req.Copied(len(h.caller) + len(h.callee))
	req.OneWay = h.callType == callOneWay
	req.Timeout = time.Duration(h.timeout) * time.Millisecond
	req.SetMethod(h.method)
	req.Metadata = h.metadata
	body, attachment, err := cutAttachment(rest, h.attachment)
	if err != nil {
		return refuse(err)
	}
	head.Attachment = attachment
	req.Copied(len(attachment))
	if err = p.unpack(req, body, h.contentEncoding); err != nil {
		return refuse(err)
	}
	return nil
}

// glean reads what it can of a request of which only the beginning is there.
func (head *Head) glean(frame []byte, req *transport.Message) {
	if len(frame) < headerSize || frame[2] != frameUnary {
		return
	}
	end := headerSize + int(binary.BigEndian.Uint16(frame[8:]))
	h := requestHead{req: req}
	_ = h.parse(frame[headerSize:min(end, len(frame))])
	head.fill(&h)
	req.OneWay = h.callType == callOneWay
	req.SetMethod(h.method)
}

var errNoHead = errors.New("trpc: a request without a head")

// refuse is the answer to a request that makes no sense.
func refuse(err error) error {
	if own, ok := err.(*transport.Error); ok { // it has been said already
		return own
	}
	return &transport.Error{Code: transport.CodeInvalidArgument, Message: err.Error(), Err: err}
}

// fill copies what is kept of a request's head.
func (head *Head) fill(h *requestHead) {
	head.requestID, head.MessageType, head.ContentType = h.requestID, h.messageType, h.contentType
	names := string(h.caller) + string(h.callee)
	head.Caller, head.Callee = names[:len(h.caller)], names[len(h.caller):]
}

// AppendResponse implements transport.ServerProtocol. The answer has the version,
// the request id, the message type and the content type of its request. An
// error's message is cut to 4 KiB.
func (p Protocol) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	limit, err := p.maxFrame()
	if err != nil {
		return dst, err
	}
	asked, _ := req.Tag.(*Head)
	if asked == nil {
		asked = &Head{requestID: id, version: version1}
	}
	if asked.stream {
		return appendReset(dst, id, asked.version, resp.Err, limit)
	}
	start := len(dst)
	dst = appendHeader(dst, frameUnary, 0, id, asked.version)
	if req.OneWay {
		dst = appendVarint(dst, fieldCallType, callOneWay)
	}
	dst = appendVarint(dst, fieldRequestID, uint64(asked.requestID))
	if e := resp.Err; e != nil {
		dst = appendFailure(dst, e)
	}
	own, _ := resp.Tag.(*Head)
	if own == nil {
		own = &Head{}
	}
	dst = appendVarint(dst, responseMessageType, uint64(orDefault(own.MessageType, asked.MessageType)))
	if dst, err = appendMetadata(dst, responseTransInfo, resp.Metadata); err != nil {
		return dst, err
	}
	dst = appendMarks(dst, resp.Err)
	if resp.GoingAway {
		dst = appendPair(dst, responseTransInfo, transport.MetadataGoingAway, "1")
	}
	dst = appendVarint(dst, responseContentType, uint64(orDefault(own.ContentType, asked.ContentType)))
	dst = appendVarint(dst, fieldAttachmentSize, uint64(len(own.Attachment)))
	if len(dst)-start == headerSize {
		dst = append(dst, fieldVersion<<3|wireVarint, 0) // trpc-go refuses an empty head
	}
	headEnd := len(dst)
	dst = append(append(dst, resp.Body...), own.Attachment...)
	return finish(dst, start, headEnd, limit)
}

func orDefault(v, otherwise uint32) uint32 {
	if v == 0 {
		return otherwise
	}
	return v
}

// appendFailure appends the fields of an error answer.
func appendFailure(dst []byte, e *transport.Error) []byte {
	ret, funcRet := rets(e)
	dst = appendVarint(dst, responseRet, uint64(int64(ret)))
	dst = appendVarint(dst, responseFuncRet, uint64(int64(funcRet)))
	return appendBytes(dst, responseErrorMsg, cut(e.Message))
}

// appendMarks appends what tRPC has no field for to the trans_info of an error answer.
func appendMarks(dst []byte, e *transport.Error) []byte {
	if e == nil || e.Code == transport.CodeBusiness {
		return dst
	}
	if ret, _ := rets(e); codeOf(ret) != e.Code {
		dst = appendPair(dst, responseTransInfo, transport.MetadataCode, strconv.Itoa(int(e.Code.Travels())))
	}
	if e.NotRun {
		dst = appendPair(dst, responseTransInfo, transport.MetadataNotRun, "1")
	}
	return dst
}

const maxMessage = 4 << 10

// cut shortens an error's message to what always fits into a head.
func cut(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage], "")
}

// appendReset appends the frame that ends a stream with an error: a
// TrpcStreamCloseMeta, which is the frame's body.
func appendReset(dst []byte, id uint32, version uint8, e *transport.Error, limit int) ([]byte, error) {
	const fieldCloseType, closeReset, fieldRet, fieldMsg = 1, 1, 2, 3
	if e == nil {
		e = &transport.Error{Code: transport.CodeInternal, Message: "streams are not supported"}
	}
	ret, _ := rets(e)
	start := len(dst)
	dst = appendHeader(dst, frameStream, streamClose, id, version)
	dst = appendVarint(dst, fieldCloseType, closeReset)
	dst = appendVarint(dst, fieldRet, uint64(int64(ret)))
	dst = appendBytes(dst, fieldMsg, cut(e.Message))
	return finish(dst, start, start+headerSize, limit)
}
