package ttheader

import (
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/muxkit/muxkit/transport"
)

// ParseRequest implements transport.ServerProtocol. It reads requests of all forms.
func (p Protocol) ParseRequest(frame []byte, req *transport.Message) error {
	head := new(Head)
	req.Tag = head // before all that may be wrong: the answer needs it
	m, err := head.read(frame, req)
	if err != nil {
		head.glean(frame, req)
		req.OneWay = req.OneWay || p.oneWay(req.Method)
		return refuse(err)
	}
	head.seq = m.seq
	req.SetMethod(m.method)
	req.Body = m.body
	switch m.kind {
	case messageCall:
		req.OneWay = p.oneWay(req.Method)
		return nil
	case messageOneWay:
		req.OneWay = true
		return nil
	case messageReply, messageException:
		req.OneWay = true // it is not answered: that may come back
		return refuse(invalid(typeMessageType, "a message of type %d, which is an answer", m.kind))
	}
	return refuse(invalid(typeMessageType, "a message of type %d: only calls (%d) and one-way calls (%d) are supported", m.kind, messageCall, messageOneWay))
}

// read reads a frame up to its message.
func (head *Head) read(frame []byte, req *transport.Message) (m message, err error) {
	if err := checkFrame(frame); err != nil {
		return m, err
	}
	if !isHeader(frame) {
		head.form = FormFramed
		return cutMessage(frame[lengthSize:])
	}
	h, err := cutHeader(frame)
	if err != nil {
		return m, err
	}
	i := info{req: req}
	if err := i.parse(h.info); err != nil {
		return m, err
	}
	req.Metadata, req.Timeout = i.metadata, i.timeout
	head.numbers = i.numbers.String()
	req.Copied(i.numbers.Cap())
	payload, framed, err := unframe(h.payload)
	if err != nil {
		return m, err
	}
	if framed {
		head.form = FormTTHeaderFramed
	}
	return cutMessage(payload)
}

// glean reads what its answer needs of a request that cannot be read, or of which only the
// beginning is there.
func (head *Head) glean(frame []byte, req *transport.Message) {
	if len(frame) < leastFramed {
		return
	}
	b := frame[lengthSize:]
	if isHeader(frame) {
		if len(frame) < headerBeginning {
			return
		}
		h, err := cutHeader(frame)
		head.seq = h.id // the message's is the same, mostly
		if err != nil || len(h.payload) < beginning {
			return
		}
		if b = h.payload; binary.BigEndian.Uint16(b) != messageMagic {
			head.form, b = FormTTHeaderFramed, b[lengthSize:]
		}
	} else {
		head.form = FormFramed
	}
	if m, err := cutMessage(b); err == nil {
		head.seq, req.OneWay = m.seq, m.kind != messageCall
		req.SetMethod(m.method)
	}
}

// refuse is the answer to a request that makes no sense.
func refuse(err error) error {
	var own *transport.Error
	if errors.As(err, &own) { // it has been said already
		return err
	}
	e := &transport.Error{Code: transport.CodeInvalidArgument, Message: err.Error(), Err: err}
	var f *fault
	if errors.As(err, &f) && f.kind != typeProtocolError {
		e.Status = int(f.kind)
	}
	return e
}

// AppendResponse implements transport.ServerProtocol. The answer has the form, both ids and the
// method of its request. A business error is a reply, with its Body, where there is a header
// that tells of it; every other error is an exception, whose text is cut to 4 KiB, and has no
// Body. A header says that the connection goes away as that of Kitex's server without its mux.
func (Protocol) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	asked, _ := req.Tag.(*Head)
	if asked == nil {
		asked = &Head{seq: id}
	}
	start := len(dst)
	kind := byte(messageReply)
	var w words
	if asked.form == FormFramed {
		dst = append(dst, 0, 0, 0, 0)
		if resp.Err != nil {
			kind, w = messageException, wordsOf(resp)
		}
	} else {
		var err error
		if dst, err = appendResponseHeader(dst, id, asked, resp); err != nil {
			return dst, err
		}
		if resp.Err != nil && resp.Err.Code != transport.CodeBusiness {
			kind = messageException
		}
	}
	inner := len(dst)
	if asked.form == FormTTHeaderFramed {
		dst = append(dst, 0, 0, 0, 0)
	}
	dst = appendMessage(dst, kind, req.Method, asked.seq)
	if kind == messageException {
		dst = appendException(dst, cut(resp.Err.Message), typeOf(resp.Err), w)
	} else {
		dst = appendStruct(dst, resp.Body)
	}
	return dst, asked.form.end(dst, start, inner)
}

func appendResponseHeader(dst []byte, id uint32, asked *Head, resp *transport.Message) ([]byte, error) {
	start := len(dst)
	n := newNumbers(appendHeader(dst, 0, id))
	own, _ := resp.Tag.(*Head)
	n.head(own)
	s := pairs{dst: n.end()}
	s.all(resp.Metadata, "")
	if e := resp.Err; e != nil && e.Code == transport.CodeBusiness {
		s.add(metaBizStatus, strconv.Itoa(bizStatus(e)))
		s.add(metaBizMessage, cut(e.Message))
	} else if e != nil {
		if code := unsaid(e); code != 0 {
			s.add(transport.MetadataCode, strconv.Itoa(int(code)))
		}
		if e.NotRun {
			s.add(transport.MetadataNotRun, "1")
		}
	}
	if resp.GoingAway {
		s.add(metaReset, "1")
	}
	dst, err := s.end(resp.Metadata)
	if err != nil {
		return dst, err
	}
	return endHeader(dst, start)
}

// endsConnection reports whether a frame without an id is that by which Kitex's mux says that
// its server shuts down: an empty reply whose header says so. A Service does not send one: Kitex's
// own client (v0.16.3) panics where it reads it, and its connection with it.
func endsConnection(frame []byte) bool {
	if checkFrame(frame) != nil || !isHeader(frame) {
		return false
	}
	h, err := cutHeader(frame)
	if err != nil {
		return false
	}
	var i info
	return i.parse(h.info) == nil && i.reset
}
