package protocoltest

import (
	"bytes"
	"testing"

	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// Seeds are frames to start a fuzz test of Parse with: whole ones, and pieces.
func Seeds(p transport.Protocol, options ...Option) [][]byte {
	k := newKit(p, options)
	_ = k.learn() // without a session: what can be had
	var seeds [][]byte
	for _, id := range k.ids() {
		frame, err := k.request(id, k.bodies[0])
		if err != nil {
			continue
		}
		seeds = append(seeds, frame, frame[:len(frame)/2], frame[:len(frame)-1])
		if k.errorAnswer != nil {
			seeds = append(seeds, k.errorAnswer(nil, id))
		}
		if k.answer == nil {
			continue
		}
		if frame, err = k.answer(nil, id, k.bodies[0]); err == nil {
			seeds = append(seeds, frame, append(frame, frame...))
		}
	}
	return seeds
}

// Fuzz drives everything that looks at bytes from a peer with b. It is the body of
// a fuzz test, whose seeds are Seeds.
func Fuzz(p transport.Protocol, b []byte) {
	server, _ := p.(transport.ServerProtocol)
	(&kit{p: p, server: server, method: defaultMethod, bodies: [][]byte{[]byte(`""`)}}).digest(b)
}

// FuzzFrames is a fuzz test of what peers send: whatever the bytes, nothing panics or goes
// on for ever, and from a stream that comes in pieces the same frames are cut.
//
//	func FuzzFrames(f *testing.F) { protocoltest.FuzzFrames(f, house.Protocol{}) }
func FuzzFrames(f *testing.F, p transport.Protocol, options ...Option) {
	f.Helper()
	for _, seed := range Seeds(p, options...) {
		f.Add(seed)
	}
	k := newKit(p, options)
	if err := k.learn(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k.digest(b)
		whole, dribbled := wire.NewReader(bytes.NewReader(b), limit), wire.NewReader(&dribble{b}, limit)
		for {
			whole.BeginFrame()
			dribbled.BeginFrame()
			id, frame, err := p.Parse(whole)
			againID, again, againErr := p.Parse(dribbled)
			if id != againID || !bytes.Equal(frame, again) || (err == nil) != (againErr == nil) {
				t.Fatalf("in one piece: id %d, %.60q, %v; a byte at a time: id %d, %.60q, %v", id, frame, err, againID, again, againErr)
			}
			if err != nil || whole.Consumed() == 0 {
				return
			}
		}
	})
}

// FuzzMessages is a fuzz test of what this side makes: of any method and body AppendRequest
// makes a frame that Parse cuts whole, with its id, or refuses them; and a Service reads
// from it what was sent, and the Client what was answered.
func FuzzMessages(f *testing.F, p transport.Protocol, options ...Option) {
	f.Helper()
	k := newKit(p, options)
	if err := k.learn(); err != nil {
		f.Fatal(err)
	}
	for i, id := range k.ids() {
		f.Add(id, k.method, k.bodies[i%len(k.bodies)], "why")
		f.Add(id, "", []byte{}, "")
	}
	f.Fuzz(func(t *testing.T, id uint32, method string, body []byte, text string) {
		if k.reserved(id) {
			return
		}
		asked := &transport.Message{Method: method, Body: bytes.Clone(body), Session: k.session}
		frame, err := p.AppendRequest(nil, id, asked)
		if err != nil || k.server == nil {
			return
		}
		request := k.cutOne(t, "the request", id, frame)
		var req transport.Message
		if err := k.server.ParseRequest(request, &req); err != nil {
			return // such as a method that is empty
		}
		if req.Method != method {
			t.Fatalf("a request for the method %q is read as one for %q", method, req.Method)
		}
		got := bytes.Clone(req.Body)
		for _, resp := range []*transport.Message{{Body: got}, {Err: &transport.Error{Code: transport.CodeNotFound, Message: text}}} {
			frame, err := k.server.AppendResponse(nil, id, &req, resp)
			if err != nil {
				continue
			}
			back := transport.Message{Method: method, Tag: asked.Tag, Session: k.session}
			err = p.ParseResponse(k.cutOne(t, "the answer", id, frame), &back)
			switch {
			case (err == nil) != (resp.Err == nil):
				t.Fatalf("an answer with the error %v is read as %v", resp.Err, err)
			case err == nil && len(got) > 0 && !bytes.Equal(back.Body, got):
				t.Fatalf("an answer with the body %q is read as %q", got, back.Body)
			}
		}
	})
}

// cutOne cuts a frame that has to be alone.
func (k *kit) cutOne(t *testing.T, what string, id uint32, b []byte) []byte {
	t.Helper()
	r := wire.NewReader(bytes.NewReader(b), 0)
	got, frame, err := k.p.Parse(r)
	if err != nil || got != id {
		t.Fatalf("%s with id %d, %.200q, is cut as id %d, %v", what, id, b, got, err)
	}
	return frame
}
