package native_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// golden are the frames that docs/native-protocol.md shows.
func golden(t *testing.T) map[string][]byte {
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p := native.Protocol{}
	md := transport.Metadata{"trace": "7f", "a": ""}
	return map[string][]byte{
		"request": must(p.AppendRequest(nil, 7, &transport.Message{Method: "Sum", Body: []byte(`{"a":1,"b":2}`)})),
		"request-full": must(p.AppendRequest(nil, 0xfffffffe, &transport.Message{Method: "Sum", Body: []byte("body"),
			Metadata: md, Timeout: 1500 * time.Millisecond, OneWay: true})),
		"answer":      must(p.AppendResponse(nil, 7, nil, &transport.Message{Body: []byte(`{"v":3}`)})),
		"answer-full": must(p.AppendResponse(nil, 7, nil, &transport.Message{Metadata: md, Body: []byte("body")})),
		"error": must(p.AppendResponse(nil, 7, nil, &transport.Message{Metadata: md, Body: []byte("body"),
			Err: &transport.Error{Code: transport.CodeBusiness, Status: -2, Message: "no stock"}})),
		"cancel":     p.AppendCancel(nil, 7),
		"ping":       p.AppendKeepAlive(nil, 9),
		"pong":       p.AppendPong(nil, 9, nil),
		"going-away": p.AppendGoingAway(nil),
	}
}

func TestGoldenFrames(t *testing.T) {
	for name, frame := range golden(t) {
		path := filepath.Join("testdata", name+".hex")
		if *update {
			if err := os.WriteFile(path, []byte(dump(frame)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(frame, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, frame, want)
		}
		if _, got, err := (native.Protocol{}).Parse(bytes.NewReader(want)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: read as %x, %v", name, got, err)
		}
	}
}

// dump writes sixteen bytes a line.
func dump(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := min(16, len(b))
		s.WriteString(hex.EncodeToString(b[:n]) + "\n")
		b = b[n:]
	}
	return s.String()
}

func TestGoldenFramesMean(t *testing.T) {
	frames, p := golden(t), native.Protocol{}
	var req transport.Message
	if err := p.ParseRequest(frames["request-full"], &req); err != nil {
		t.Fatal(err)
	}
	if req.Method != "Sum" || string(req.Body) != "body" || !req.OneWay || req.Timeout != 1500*time.Millisecond ||
		len(req.Metadata) != 2 || req.Metadata["trace"] != "7f" {
		t.Errorf("the request is %+v", req)
	}
	var resp transport.Message
	err := p.ParseResponse(frames["error"], &resp)
	e, ok := err.(*transport.Error)
	if !ok || e.Code != transport.CodeBusiness || e.Status != -2 || e.Message != "no stock" ||
		string(resp.Body) != "body" || resp.Metadata["trace"] != "7f" {
		t.Errorf("the error is %+v of %+v", err, resp)
	}
	for name, kind := range map[string]muxpool.FrameKind{"answer": muxpool.FrameLast, "error": muxpool.FrameLast,
		"pong": muxpool.FrameKeepAlive, "going-away": muxpool.FrameGoingAway, "cancel": muxpool.FrameUnsolicited} {
		if got := p.ClassifyFrame(7, frames[name]); got != kind {
			t.Errorf("%s: a client takes it for %d", name, got)
		}
	}
	for name, kind := range map[string]transport.RequestKind{"request": transport.RequestCall, "cancel": transport.RequestCancel,
		"ping": transport.RequestPing, "answer": transport.RequestIgnored} {
		if got := p.ClassifyRequest(7, frames[name]); got != kind {
			t.Errorf("%s: a server takes it for %d", name, got)
		}
	}
}

func TestLimits(t *testing.T) {
	long, p := strings.Repeat("x", 1<<16), native.Protocol{}
	many := make(transport.Metadata)
	for i := range 1 << 16 {
		many[string([]byte{byte(i), byte(i >> 8)})] = ""
	}
	for name, m := range map[string]*transport.Message{
		"method":   {Method: long},
		"name":     {Metadata: transport.Metadata{long: ""}},
		"value":    {Metadata: transport.Metadata{"": long}},
		"metadata": {Metadata: many},
	} {
		if _, err := p.AppendRequest(nil, 1, m); err == nil {
			t.Errorf("a request whose %s is too long was made", name)
		}
	}
	if _, err := p.AppendResponse(nil, 1, nil, &transport.Message{Err: &transport.Error{Status: 1 << 40}}); err == nil {
		t.Error("an error with a status of 41 bits was made")
	}
	frame, err := p.AppendResponse(nil, 1, nil, &transport.Message{Err: &transport.Error{Message: long}})
	var resp transport.Message
	if e, ok := p.ParseResponse(frame, &resp).(*transport.Error); err != nil || !ok || len(e.Message) != 1<<16-1 {
		t.Errorf("a long message: %v", err)
	}
}
