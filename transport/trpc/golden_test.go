package trpc

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// The frames in testdata are those of trpc-go v1.0.3; the module in interop makes
// them and checks that they still are.
func golden(tb testing.TB, name string) []byte {
	tb.Helper()
	frame, err := os.ReadFile(filepath.Join("testdata", name+".frame"))
	if err != nil {
		tb.Fatal(err)
	}
	return frame
}

// goldenProtocol makes the requests that the golden ones are.
var goldenProtocol = Protocol{Caller: "trpc.muxkit.caller.Caller", ContentType: ContentNoop}

func goldenRequest() *transport.Message {
	return &transport.Message{Method: "/muxkit.Interop/Echo", Body: []byte("the body"), Timeout: 1500 * time.Millisecond}
}

func TestRequestsAreThoseOfTrpcGo(t *testing.T) {
	oneWay := goldenRequest()
	oneWay.OneWay = true
	metadata := goldenRequest()
	metadata.Set("trace", "t-\x00\xff")
	dyeing := goldenRequest()
	dyeing.Tag = &Head{MessageType: 1, ContentType: ContentJSON}
	for name, req := range map[string]*transport.Message{
		"request": goldenRequest(), "request-oneway": oneWay, "request-metadata": metadata, "request-dyeing": dyeing,
	} {
		t.Run(name, func(t *testing.T) {
			want := golden(t, name)
			got, err := goldenProtocol.AppendRequest(nil, 1, req)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("AppendRequest gives %v\n%x\ntrpc-go has\n%x", err, got, want)
			}
			var back transport.Message
			if err := goldenProtocol.ParseRequest(want, &back); err != nil {
				t.Fatal(err)
			}
			if back.Method != req.Method || string(back.Body) != "the body" || back.Timeout != req.Timeout ||
				back.OneWay != req.OneWay || !maps.Equal(back.Metadata, req.Metadata) {
				t.Errorf("ParseRequest gives %+v", back)
			}
			head := back.Tag.(*Head)
			if head.Caller != goldenProtocol.Caller || head.Callee != "muxkit.Interop" {
				t.Errorf("caller %q, callee %q", head.Caller, head.Callee)
			}
		})
	}
}

func TestResponsesAreThoseOfTrpcGo(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		resp    transport.Message
	}{
		"response":          {"request", transport.Message{Body: []byte("the body")}},
		"response-metadata": {"request-metadata", transport.Message{Body: []byte("the body"), Metadata: transport.Metadata{"trace": "t-\x00\xff"}}},
		"response-dyeing":   {"request-dyeing", transport.Message{Body: []byte("the body")}},
		"response-no-func": {"request", transport.Message{
			Err: &transport.Error{Code: transport.CodeUnimplemented, Status: 12, Message: "no such func"}}},
		"response-business":          {"request", transport.Message{Err: transport.Business(10007, "not enough on the account")}},
		"response-business-negative": {"request", transport.Message{Err: transport.Business(-3, "minus three")}},
	} {
		t.Run(name, func(t *testing.T) {
			var req transport.Message
			if err := goldenProtocol.ParseRequest(golden(t, c.request), &req); err != nil {
				t.Fatal(err)
			}
			want := golden(t, name)
			got, err := goldenProtocol.AppendResponse(nil, 1, &req, &c.resp)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("AppendResponse gives %v\n%x\ntrpc-go has\n%x", err, got, want)
			}
			sameAnswer(t, want, &c.resp)
		})
	}
}

// sameAnswer checks that frame parses to want.
func sameAnswer(t *testing.T, frame []byte, want *transport.Message) {
	t.Helper()
	var got transport.Message
	err := goldenProtocol.ParseResponse(frame, &got)
	if !bytes.Equal(got.Body, want.Body) || !maps.Equal(got.Metadata, want.Metadata) {
		t.Errorf("ParseResponse gives %+v", got)
	}
	var failure *transport.Error
	switch errors.As(err, &failure); {
	case (err != nil) != (want.Err != nil):
		t.Errorf("ParseResponse gives the error %v, not %v", err, want.Err)
	case want.Err != nil && *failure != *want.Err:
		t.Errorf("ParseResponse gives the error %+v, not %+v", failure, want.Err)
	}
}

// A peer that cannot read the head answers with the header's id; the head's is 0.
func TestAnswerToUnparseableHead(t *testing.T) {
	want := golden(t, "response-bad-head")
	id, frame, err := Protocol{}.Parse(bytes.NewReader(want))
	if id != 1 || err != nil {
		t.Fatalf("Parse gives the id %d, %v", id, err)
	}
	var failure *transport.Error
	if err := (Protocol{}).ParseResponse(frame, new(transport.Message)); !errors.As(err, &failure) ||
		failure.Code != transport.CodeInvalidArgument || failure.Status != 1 {
		t.Errorf("ParseResponse gives %v", err)
	}

	request := golden(t, "request")
	request[headerSize] = 0xff
	var req transport.Message
	if err := (Protocol{}).ParseRequest(request, &req); !errors.As(err, &failure) || failure.Code != transport.CodeInvalidArgument {
		t.Fatalf("ParseRequest gives %v", err)
	}
	got, err := Protocol{}.AppendResponse(nil, 1, &req, &transport.Message{Err: &transport.Error{Code: transport.CodeInvalidArgument, Message: "service codec Decode"}})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("AppendResponse gives %v\n%x\ntrpc-go has\n%x", err, got, want)
	}
}

// A stream is refused by the frame that ends streams.
func TestStreamIsRefused(t *testing.T) {
	p, frame := Protocol{}, golden(t, "stream-init")
	if kind := p.ClassifyRequest(100, frame); kind != transport.RequestCall {
		t.Errorf("the first frame of a stream is a %v", kind)
	}
	later := bytes.Clone(frame)
	later[3] = 2
	if kind := p.ClassifyRequest(100, later); kind != transport.RequestIgnored {
		t.Errorf("a later frame of a stream is a %v", kind)
	}
	var req transport.Message
	err := p.ParseRequest(frame, &req)
	var failure *transport.Error
	if !errors.As(err, &failure) || failure.Code != transport.CodeInvalidArgument {
		t.Fatalf("ParseRequest gives %v", err)
	}
	reset, err := p.AppendResponse(nil, 100, &req, &transport.Message{Err: failure})
	if err != nil || reset[2] != frameStream || reset[3] != streamClose || !bytes.Contains(reset, []byte("streams are not")) {
		t.Errorf("AppendResponse gives %q, %v", reset, err)
	}
	var reason, ret uint64 // TrpcStreamCloseMeta: 1 is close_type, of which 1 is TRPC_STREAM_RESET, 2 is ret, and 3 is msg
	var text string
	for b := reset[headerSize:]; len(b) > 0; {
		var f field
		if f, b, err = nextField(b); err != nil {
			t.Fatal(err)
		}
		switch f.number {
		case 1:
			reason = f.n
		case 2:
			ret = f.n
		case 3:
			text = string(f.b)
		}
	}
	if reason != 1 || ret != retServerDecode || text != failure.Message {
		t.Errorf("the stream is closed by type %d, ret %d, %q", reason, ret, text)
	}
	if err := p.ParseResponse(reset, new(transport.Message)); err == nil {
		t.Error("a stream's frame passed for an answer")
	}
}
