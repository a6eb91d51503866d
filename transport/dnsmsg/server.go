package dnsmsg

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/muxkit/muxkit/transport"
)

// request is what an answer needs to know of its request. It is its Message's Tag.
type request struct {
	flags    [2]byte // a header's third and fourth byte
	count    [2]byte // of the questions in asked
	asked    []byte  // the question section; empty if it could not be read
	size     int     // bytes of an answer that a client over UDP can take
	extended bool    // it has an OPT record
}

// ParseRequest implements transport.ServerProtocol. The body is the message.
func (TCP) ParseRequest(frame []byte, req *transport.Message) error {
	return parseRequest(frame[min(prefix, len(frame)):], req)
}

// ParseRequest implements transport.ServerProtocol. The body is the message.
func (UDP) ParseRequest(frame []byte, req *transport.Message) error { return parseRequest(frame, req) }

func parseRequest(m []byte, req *transport.Message) error {
	if len(m) < headerSize {
		req.OneWay = true // nothing to answer
		return errShort
	}
	r := &request{flags: [2]byte{m[2], m[3]}, size: plainSize}
	req.Tag = r // before all that may be wrong: the error is for this request
	if m[2]&flagResponse != 0 {
		req.OneWay = true // an answer is not answered
		return errResponse
	}
	req.Method, req.Body = methodOf(m), m
	asked, err := questions(m)
	if err == nil {
		r.count, r.asked = [2]byte(m[atQuestions:]), slices.Clone(asked)
		req.Copied(len(asked))
		r.size, r.extended, err = answerSize(m, headerSize+len(asked))
	}
	if err != nil {
		r.size = plainSize
		return &transport.Error{Code: transport.CodeInvalidArgument, Status: rcodeFormat, Message: err.Error()}
	}
	return nil
}

// AppendResponse implements transport.ServerProtocol. The body is the answer, whose id and
// QR are set here; of an error it is what to send with the code, or none.
func (TCP) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	begin := len(dst)
	dst, err := appendResponse(append(dst, 0, 0), id, req, resp)
	if err != nil {
		return dst, err
	}
	binary.BigEndian.PutUint16(dst[begin:], uint16(len(dst)-begin-prefix))
	return dst, nil
}

// AppendResponse implements transport.ServerProtocol, as that of TCP. What is larger than the
// client can take is sent without its records, and marked as truncated.
func (UDP) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	begin := len(dst)
	dst, err := appendResponse(dst, id, req, resp)
	r, _ := req.Tag.(*request)
	tooLarge := resp.Err != nil && resp.Err.Code == transport.CodeTooLarge
	if err != nil || r == nil || len(dst)-begin <= r.size && !tooLarge {
		return dst, err
	}
	m := dst[begin:]
	asked, err := questions(m)
	if err != nil {
		return dst, err
	}
	m[2] |= flagTruncated
	if tooLarge { // over TCP it may not be
		m[3] &^= maskRcode
	}
	clear(m[atAnswers:headerSize])
	dst = dst[:begin+headerSize+len(asked)]
	if r.extended { // RFC 6891, section 7: it is in an answer to one that has it
		binary.BigEndian.PutUint16(m[atAdditional:], 1)
		dst = append(dst, 0, 0, typeOPT, byte(mostOverUDP>>8), byte(mostOverUDP&0xff), 0, 0, 0, 0, 0, 0)
	}
	return dst, nil
}

func appendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	r, _ := req.Tag.(*request)
	if r == nil {
		r = new(request)
	}
	begin := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, secret.hide(uint16(id)))
	switch m := resp.Body; {
	case len(m) > maxMessage:
		return dst, fmt.Errorf("dnsmsg: a DNS message has at most %d bytes, the answer has %d", maxMessage, len(m))
	case len(m) >= headerSize:
		if _, err := questions(m); err != nil {
			return dst, fmt.Errorf("the answer: %w", err)
		}
		dst = append(dst, m[2:]...)
	case len(m) > 0 || resp.Err == nil:
		return dst, fmt.Errorf("dnsmsg: the answer is no DNS message: %d bytes, a header has %d", len(m), headerSize)
	default: // the questions again, and the code
		dst = append(dst, r.flags[0]&(maskOpcode|maskRecursion), 0, r.count[0], r.count[1], 0, 0, 0, 0, 0, 0)
		dst = append(dst, r.asked...)
	}
	m := dst[begin:]
	m[2] |= flagResponse
	if resp.Err != nil {
		m[3] = m[3]&^maskRcode | byte(rcodeOf(resp.Err))
	}
	return dst, nil
}
