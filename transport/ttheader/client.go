package ttheader

import (
	"fmt"
	"strings"

	"github.com/muxkit/muxkit/transport"
)

// AppendRequest implements transport.Protocol. A Body of no bytes is sent as the struct without
// fields. FormFramed has no place for metadata and deadlines: they are left out.
func (p Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	if len(req.Method) > maxMethod {
		return dst, fmt.Errorf("ttheader: the method has %d bytes, at most %d are allowed", len(req.Method), maxMethod)
	}
	head, ok := req.Tag.(*Head)
	if req.Tag != nil && !ok {
		return dst, fmt.Errorf("ttheader: a request's Tag is a %T, not a *ttheader.Head", req.Tag)
	}
	start := len(dst)
	switch p.Form {
	case FormTTHeader, FormTTHeaderFramed:
		var err error
		if dst, err = p.appendRequestHeader(dst, id, req, head); err != nil {
			return dst, err
		}
	case FormFramed:
		dst = append(dst, 0, 0, 0, 0)
	default:
		return dst, fmt.Errorf("%w: ttheader.Protocol.Form is %d, which is none", transport.ErrInvalidOption, p.Form)
	}
	kind := byte(messageCall)
	if req.OneWay {
		kind = messageOneWay
	}
	inner := len(dst)
	if p.Form == FormTTHeaderFramed {
		dst = append(dst, 0, 0, 0, 0)
	}
	dst = appendStruct(appendMessage(dst, kind, req.Method, id), req.Body)
	return dst, p.Form.end(dst, start, inner)
}

// end sets the lengths of a frame that starts at start, and of what is framed in it at inner.
func (f Form) end(dst []byte, start, inner int) error {
	if f == FormTTHeaderFramed {
		if err := endFrame(dst, inner); err != nil {
			return err
		}
	}
	return endFrame(dst, start)
}

func (p Protocol) appendRequestHeader(dst []byte, id uint32, req *transport.Message, head *Head) ([]byte, error) {
	start := len(dst)
	n := newNumbers(appendHeader(dst, flagOutOfOrder, id))
	n.named(KeyFromService, p.Caller)
	n.named(KeyToService, p.Callee)
	if p.Callee != "" {
		n.add(KeyToMethod, req.Method)
	}
	n.head(head)
	n.timeout(req.Timeout)
	s := pairs{dst: n.end()}
	own := ""
	if p.Service != "" {
		s.add(metaService, p.Service)
		own = metaService
	}
	s.all(req.Metadata, own)
	dst, err := s.end(req.Metadata)
	if err != nil {
		return dst, err
	}
	return endHeader(dst, start)
}

// ParseResponse implements transport.Protocol. A reply whose header tells of a business error is
// one, with its Body. An exception has no Body.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	if err := checkFrame(frame); err != nil {
		return err
	}
	resp.Tag = nil // it was the request's
	if !isHeader(frame) {
		m, err := cutMessage(frame[lengthSize:])
		if err != nil {
			return err
		}
		return m.answer(resp, m.seq, nil)
	}
	h, err := cutHeader(frame)
	if err != nil {
		return err
	}
	var i info
	if err := i.parse(h.info); err != nil {
		return err
	}
	resp.GoingAway = i.reset
	resp.Metadata = i.metadata
	if i.numbers.Len() > 0 {
		resp.Tag = &Head{numbers: i.numbers.String()}
	}
	payload, _, err := unframe(h.payload)
	if err != nil {
		return err
	}
	m, err := cutMessage(payload)
	if err != nil {
		return err
	}
	return m.answer(resp, h.id, i.business())
}

// answer reads an answer to a request whose id was id, and which a header may have told to be
// one of the business.
func (m *message) answer(resp *transport.Message, id uint32, business *transport.Error) error {
	switch {
	case m.kind == messageException:
		// Its ids and names are not looked at: a peer that could not read the request has none.
		var e exception
		if err := e.parse(m.body); err != nil {
			return err
		}
		return e.failure(resp)
	case m.kind != messageReply:
		return fmt.Errorf("ttheader: an answer is a message of type %d, not a reply (%d) or an exception (%d)", m.kind, messageReply, messageException)
	case m.seq != id:
		return fmt.Errorf("ttheader: the answer to %d has a message with the id %d", id, m.seq)
	case !answers(m.method, resp.Method):
		return fmt.Errorf("ttheader: the answer is one to %.80q", m.method)
	}
	resp.Body = m.body
	if business != nil {
		return business
	}
	return nil
}

// answers reports whether a reply that names method is one to asked. Apache's
// TMultiplexedProcessor leaves the service out that a call has in front.
func answers(method []byte, asked string) bool {
	if string(method) == asked {
		return true
	}
	rest, ok := strings.CutSuffix(asked, string(method))
	return ok && strings.HasSuffix(rest, ":")
}
