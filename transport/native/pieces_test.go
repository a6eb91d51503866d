package native_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// piece is a part of an answer that others follow.
func piece(t testing.TB, id uint32, m *transport.Message) []byte {
	t.Helper()
	return withFlag(appendAnswer(t, id, m), 0x08)
}

func body(text string) *transport.Message { return &transport.Message{Body: []byte(text)} }

// An answer in pieces is one body, which no frame's memory is a part of.
func TestPiecesAreGathered(t *testing.T) {
	for name, c := range map[string]struct {
		pieces []string
		last   string
	}{
		"two": {[]string{"a"}, "b"}, "many": {strings.Split(strings.Repeat("xyz ", 100), " "), "end"},
		"an empty first": {[]string{""}, "b"}, "an empty last": {[]string{"a"}, ""}, "nothing at all": {[]string{"", ""}, ""},
	} {
		p, resp := native.Protocol{}, new(transport.Message)
		md := transport.Metadata{"name": "value"}
		for i, text := range c.pieces {
			m := body(text)
			if i == 0 {
				m.Metadata = md
			}
			frame := piece(t, 7, m)
			if p.ClassifyFrame(7, frame) != muxpool.FrameMore {
				t.Errorf("%s: a piece is not FrameMore", name)
			}
			if err := p.ParseResponse(frame, resp); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			clear(frame)
		}
		frame := appendAnswer(t, 7, body(c.last))
		if err := p.ParseResponse(frame, resp); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		clear(frame)
		if want := strings.Join(c.pieces, "") + c.last; string(resp.Body) != want || resp.Metadata["name"] != "value" || resp.Tag != nil {
			t.Errorf("%s: %q, %v, %v, want %q", name, resp.Body, resp.Metadata, resp.Tag, want)
		}
	}
}

// A Message that is used again does not begin with the body of the call before.
func TestAnswersAreNotGathered(t *testing.T) {
	resp := body("old")
	if err := (native.Protocol{}).ParseResponse(appendAnswer(t, 7, body("new")), resp); err != nil || string(resp.Body) != "new" {
		t.Errorf("%q, %v", resp.Body, err)
	}
}

// An answer may have a text, which means nothing yet: the body is what is behind it, and behind the metadata.
func TestTextsOfAnswersArePassedOver(t *testing.T) {
	for flags := range byte(2) {
		resp := new(transport.Message)
		frame := withFlags(finished([]byte("\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x00\x07\x00\x03\x00\x01abc\x00\x01\x00\x02nvvbody")), flags<<3) // whole, and a piece
		if err := (native.Protocol{}).ParseResponse(frame, resp); err != nil || string(resp.Body) != "body" || resp.Metadata["n"] != "vv" {
			t.Errorf("flags %#x: %q, %v, %v", flags<<3, resp.Body, resp.Metadata, err)
		}
	}
}

func TestPiecesThatMakeNoSense(t *testing.T) {
	p := native.Protocol{}
	for name, second := range map[string][]byte{
		"metadata in a later piece": appendAnswer(t, 7, &transport.Message{Metadata: transport.Metadata{"a": ""}}),
		"a text in a later piece":   finished([]byte("\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x00\x07\x00\x01\x00\x00x")),
	} {
		var resp transport.Message
		err := p.ParseResponse(piece(t, 7, body("a")), &resp)
		if err != nil {
			t.Fatal(err)
		}
		var e *transport.Error
		if err := p.ParseResponse(second, &resp); err == nil || errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Gathering has a bound: 64 MiB to the byte.
func TestPiecesAreBounded(t *testing.T) {
	p, resp := native.Protocol{}, new(transport.Message)
	frame := piece(t, 7, &transport.Message{Body: bytes.Repeat([]byte("x"), 4<<20)})
	for i := range 16 {
		if err := p.ParseResponse(frame, resp); err != nil {
			t.Fatalf("piece %d: %v", i, err)
		}
	}
	if err := p.ParseResponse(piece(t, 7, body("")), resp); err != nil || len(resp.Body) != 64<<20 {
		t.Errorf("%d bytes, %v", len(resp.Body), err)
	}
	if err := p.ParseResponse(appendAnswer(t, 7, body("x")), resp); err == nil || !strings.Contains(err.Error(), "67108864") {
		t.Errorf("a byte more: %v", err)
	}
}

// An error ends an answer in pieces, and nothing of the body is left.
func TestErrorInThePlaceOfAPiece(t *testing.T) {
	p, resp := native.Protocol{}, new(transport.Message)
	if err := p.ParseResponse(piece(t, 7, &transport.Message{Body: []byte("a"), Metadata: transport.Metadata{"a": ""}}), resp); err != nil {
		t.Fatal(err)
	}
	failure := &transport.Message{Err: &transport.Error{Code: transport.CodeDataLoss}}
	e := asError(t, p.ParseResponse(appendAnswer(t, 7, failure), resp))
	if e.Code != transport.CodeDataLoss || len(resp.Body) != 0 || len(resp.Metadata) != 0 || resp.Tag != nil {
		t.Errorf("%v, with %+v", e, resp)
	}
}

// TestClientReadsPieces: over a connection, with the answer of another call in between.
func TestClientReadsPieces(t *testing.T) {
	s := newScripted(t)
	one, two := s.call("one"), s.call("two")
	first, second := s.request(), s.request()
	s.write(piece(t, first.id, body(first.body+",")), piece(t, second.id, body(second.body+";")),
		appendAnswer(t, first.id, body("1")), piece(t, second.id, body("2")), appendAnswer(t, second.id, body("3")))
	for _, c := range []*pending{one, two} {
		want := map[string]string{first.body: first.body + ",1", second.body: second.body + ";23"}[c.body]
		if got, err := c.result(); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", c.body, got, err, want)
		}
	}
}

// TestServerRefusesPieces: the call alone, unrun, once; what belongs to kinds to come is
// passed over, and the connection serves on.
func TestServerRefusesPieces(t *testing.T) {
	for _, over := range networks {
		t.Run(over, func(t *testing.T) {
			s := serve(t, over)
			nc := s.dial(t)
			request := appendRequest(t, 7, &transport.Message{Method: "Echo", Body: []byte("a")})
			stream := withFlags(request, 0x08)
			for kind := byte(9); kind < 16; kind++ {
				next := appendRequest(t, 7, &transport.Message{Body: []byte("b")})
				next[5] = kind
				stream = append(stream, next...)
			}
			oneWay := withFlags(request, 0x09)
			stream = append(append(stream, oneWay...), appendRequest(t, 8, &transport.Message{Method: "Echo", Body: []byte("c")})...)
			write(t, nc, stream)
			got := map[uint32]answer{}
			for range 2 {
				a := read(t, nc)
				got[a.id] = a
			}
			e := asError(t, got[7].err)
			if e.Code != transport.CodeUnimplemented || !e.NotRun || !strings.Contains(e.Message, "pieces") {
				t.Errorf("the request with MORE got %v, not run %v", e, e.NotRun)
			}
			if got[8].err != nil || string(got[8].Body) != "c" {
				t.Errorf("the next got %+v", got[8])
			}
		})
	}
}
