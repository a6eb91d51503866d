package protocoltest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// testAnswers checks what ParseResponse makes of answers, and of error answers.
func (k *kit) testAnswers(t *testing.T) {
	for _, s := range k.samples(t) {
		if s.answer {
			if _, err := k.response(t, s); err != nil {
				t.Fatalf("%s: ParseResponse takes an answer for %v", s.name, err)
			}
			k.checkTag(t, s)
		}
	}
	k.checkTellsApart(t)
	id := k.ids()[0]
	if k.errorAnswer != nil {
		k.checkErrorAnswer(t, sample{"the error answer", true, id, k.errorAnswer(nil, id), k.bodies[0]})
	}
	if k.server != nil {
		for code := transport.CodeUnknown; code <= transport.CodeTooLarge; code++ {
			k.checkErrorAnswer(t, sample{fmt.Sprintf("an answer with the code %v", code), true, id, k.serverError(t, id, code), k.bodies[0]})
		}
		return
	}
	if k.errorAnswer == nil {
		t.Skip("error answers are not checked: tell with protocoltest.ErrorAnswer how the peer answers with one")
	}
}

// response is what ParseResponse makes of an answer.
func (k *kit) response(t *testing.T, s sample) (resp *transport.Message, err error) {
	t.Helper()
	resp = k.question(s.id, s.body)
	for _, frame := range k.cut(t, s) {
		k.guard(t, "ParseResponse", frame, func() { err = k.p.ParseResponse(frame, resp) })
		if err != nil {
			return resp, err
		}
	}
	if resp.Err != nil {
		t.Fatalf("%s: ParseResponse sets Message.Err (%v) and returns nil: an error answer is returned, as an *Error", s.name, resp.Err)
	}
	return resp, nil
}

// checkTellsApart checks that answers which are not the same are not read as the same.
func (k *kit) checkTellsApart(t *testing.T) {
	t.Helper()
	read := make(map[string]sample)
	for _, s := range k.samples(t) {
		if !s.answer || s.id != k.ids()[0] {
			continue
		}
		resp, err := k.response(t, s)
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%s, %s", resp.Body, told(resp, nil))
		if other, ok := read[what]; ok && !bytes.Equal(other.bytes, s.bytes) {
			t.Fatalf("%s: ParseResponse reads it as %s, which is another frame (the Body is %.60q): a Client could not decode it", s.name, other.name, resp.Body)
		}
		read[what] = s
	}
}

// checkTag checks that what AppendRequest keeps for the answer outlives the request.
func (k *kit) checkTag(t *testing.T, s sample) {
	t.Helper()
	req := &transport.Message{Method: k.method, Body: bytes.Clone(s.body), Session: k.session}
	frame, err := k.p.AppendRequest(nil, s.id, req)
	if err != nil || req.Tag == nil {
		return
	}
	want, _ := k.response(t, s)
	resp := &transport.Message{Method: k.method, Tag: req.Tag, Session: k.session}
	for _, b := range [][]byte{frame, req.Body} {
		for i := range b {
			b[i] = spoilt
		}
	}
	*req = transport.Message{} // as a Client does, when the frame is made
	for _, frame := range k.cut(t, s) {
		k.guard(t, "ParseResponse", frame, func() { err = k.p.ParseResponse(frame, resp) })
	}
	if err != nil || !bytes.Equal(resp.Body, want.Body) || told(resp, nil) != told(want, nil) {
		t.Fatalf("%s: when the request's memory was used again, ParseResponse made %.60q, %v of what was %.60q: "+
			"the Tag that AppendRequest leaves must not refer to the request, its body or the frame", s.name, resp.Body, err, want.Body)
	}
}

// serverError is the frame of the protocol's own server side for an error.
func (k *kit) serverError(t *testing.T, id uint32, code transport.Code) []byte {
	t.Helper()
	frame, err := k.request(id, k.bodies[0])
	if err != nil {
		t.Fatal(err)
	}
	var req transport.Message
	if err := k.server.ParseRequest(frame, &req); err != nil {
		t.Fatalf("ParseRequest does not take what AppendRequest made: %v", err)
	}
	frame, err = k.server.AppendResponse(nil, id, &req, &transport.Message{Err: &transport.Error{Code: code, Message: "why"}})
	if err != nil {
		t.Fatalf("AppendResponse makes no answer of an error with the code %v: %v", code, err)
	}
	return frame
}

func (k *kit) checkErrorAnswer(t *testing.T, s sample) {
	t.Helper()
	id, frame, err := k.parse(t, s.bytes, false)
	switch {
	case err != nil:
		t.Fatalf("%s: Parse returns %v: that ends the connection, with all calls on it; an error answer is a frame like others, and ParseResponse returns its *Error", s.name, err)
	case id != s.id:
		t.Fatalf("%s: Parse tells id %d, not %d", s.name, id, s.id)
	}
	if c, ok := k.p.(muxpool.FrameClassifier); ok {
		if kinds := k.kinds(t, c, s); kinds[len(kinds)-1] != muxpool.FrameLast {
			t.Fatalf("%s: ClassifyFrame calls it %s, not FrameLast: %s", s.name, kindName(kinds[len(kinds)-1]), kindRule(kinds[len(kinds)-1]))
		}
	}
	_, err = k.response(t, s)
	var e *transport.Error
	switch {
	case err == nil:
		t.Fatalf("%s: ParseResponse takes it for a good answer (%.60q): it must return an *Error", s.name, frame)
	case !errors.As(err, &e):
		t.Fatalf("%s: ParseResponse returns %v (%T): an answer of the peer is returned as an *Error; any other error says that the frame makes no sense", s.name, err, err)
	case e.Code != 0 && e.Code != e.Code.Travels():
		t.Fatalf("%s: the *Error has the code %v, which is a Client's own", s.name, e.Code)
	}
}
