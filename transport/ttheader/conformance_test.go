package ttheader

import (
	"bytes"
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// protocols are one of each form, and one with all options.
var protocols = map[string]Protocol{
	"TTHeader":        {},
	"TTHeader framed": {Form: FormTTHeaderFramed},
	"framed":          {Form: FormFramed},
	"all options":     {Caller: "shop.cart", Callee: "shop.price", Service: "Price"},
}

// garbage are beginnings that no frame has.
var garbage = [][]byte{
	[]byte("GET / HTTP/1.1\r\n"),
	{0xff, 0xff, 0xff, 0xff},                                     // the longest length
	{0, 0, 0, 11},                                                // no message is as short
	{0, 0, 0, 16, 0x10, 0, 0, 0},                                 // nor a TTHeader
	{0, 0, 1, 0, 0x82, 0x21, 1, 4},                               // the compact protocol
	{0, 0, 1, 0, 0, 0, 0, 4, 'E', 'c', 'h', 'o'},                 // the binary protocol, not strict
	{0, 0, 1, 0, 0x90, 0x01, 0, 1},                               // Kitex's Protobuf
	{0xff, 0xaf, 0, 16},                                          // the old mesh header
	{0, 0, 1, 0, 0x80, 1, 0, 1, 0xff, 0xff, 0xff, 0xff},          // a method that is longer than the frame
	{0, 0x10, 0, 0, 0x80, 1, 0, 1, 0, 0, 0x10, 1, 'a', 'b', 'c'}, // or than any
}

func TestConformance(t *testing.T) {
	for name, p := range protocols {
		t.Run(name, func(t *testing.T) { protocoltest.Run(t, p, protocoltest.Garbage(garbage...)) })
	}
}

func FuzzFrames(f *testing.F) {
	for _, p := range protocols {
		for _, seed := range protocoltest.Seeds(p) {
			f.Add(seed)
		}
	}
	protocoltest.FuzzFrames(f, Protocol{Form: FormTTHeaderFramed, Caller: "a", Callee: "b", Service: "c"}, protocoltest.Garbage(garbage...))
}

func FuzzMessages(f *testing.F) { protocoltest.FuzzMessages(f, Protocol{Callee: "b"}) }

func FuzzFramedMessages(f *testing.F) {
	protocoltest.FuzzMessages(f, Protocol{Form: FormFramed})
}

// FuzzRequest: a request that parses survives being made and parsed again, and one that does
// not can be answered.
func FuzzRequest(f *testing.F) {
	for name, p := range protocols {
		for _, seed := range protocoltest.Seeds(p) {
			f.Add(seed)
		}
		req := &transport.Message{Method: "Echo", Body: []byte{typeStop}, Timeout: 1e9, Metadata: transport.Metadata{"name": name, MetadataACLToken: "token"}}
		req.Tag = new(Head)
		req.Tag.(*Head).Set(KeyLogID, "log")
		frame, err := p.AppendRequest(nil, 1, req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Protocol{}
		var req transport.Message
		failed := p.ParseRequest(frame, &req)
		resp := transport.Message{Body: req.Body, Metadata: req.Metadata, GoingAway: true}
		if failed != nil {
			resp = transport.Message{Err: &transport.Error{Code: transport.CodeInvalidArgument, Message: failed.Error()}}
		}
		if _, err := p.AppendResponse(nil, 1, &req, &resp); err != nil && failed != nil {
			t.Fatalf("a request that is refused with %v cannot be answered: %v", failed, err)
		}
		if failed != nil {
			return
		}
		if p.Form = req.Tag.(*Head).form; len(req.Body) == 0 {
			req.Body = []byte{typeStop}
		}
		again, err := p.AppendRequest(nil, 1, &req)
		if err != nil {
			return // larger than it came
		}
		var back transport.Message
		if err := p.ParseRequest(again, &back); err != nil || !same(&req, &back) {
			t.Fatalf("%+v came back as %+v, %v", req, back, err)
		}
	})
}

func same(a, b *transport.Message) bool {
	if len(a.Metadata) != len(b.Metadata) {
		return false
	}
	for name, value := range a.Metadata {
		if v, ok := b.Metadata[name]; !ok || v != value {
			return false
		}
	}
	return a.Method == b.Method && a.OneWay == b.OneWay && min(a.Timeout, 1e15) == min(b.Timeout, 1e15) && bytes.Equal(a.Body, b.Body)
}

// FuzzExceptions: an exception that parses survives being made and parsed again.
func FuzzExceptions(f *testing.F) {
	f.Add(appendException(nil, "why", typeUnknownMethod, words{5, 402, 250, 7}))
	f.Add([]byte{typeMap, 0, 9, typeStruct, typeList, 0, 0, 0, 1, typeI64, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, typeUUID, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, back exception
		if e.parse(b) != nil {
			return
		}
		again := appendException(nil, string(e.message), e.kind, e.words)
		if err := back.parse(again); err != nil || back.kind != e.kind || !bytes.Equal(back.message, e.message) || back.words != e.words {
			t.Fatalf("%+v came back as %+v, %v", e, back, err)
		}
	})
}
