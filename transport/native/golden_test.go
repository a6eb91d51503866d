package native_test

import (
	"bytes"
	"encoding/binary"
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
		"request-attempt": must(p.AppendRequest(nil, 8, &transport.Message{Method: "Sum", Metadata: transport.Metadata{
			transport.MetadataAttempt: "2", "traceparent": "00-000102030405060708090a0b0c0d0e0f-0001020304050607-01"}})),
		"answer":      must(p.AppendResponse(nil, 7, nil, &transport.Message{Body: []byte(`{"v":3}`)})),
		"answer-full": must(p.AppendResponse(nil, 7, nil, &transport.Message{Metadata: md, Body: []byte("body")})),
		"error": must(p.AppendResponse(nil, 7, nil, &transport.Message{Metadata: md, Body: []byte("body"),
			Err: &transport.Error{Code: transport.CodeBusiness, Status: -2, Message: "no stock"}})),
		"error-not-run": must(p.AppendResponse(nil, 7, nil, &transport.Message{
			Metadata: transport.Metadata{transport.MetadataRetryAfter: "250", transport.MetadataNoRetry: "1"},
			Err:      &transport.Error{Code: transport.CodeResourceExhausted, Message: "busy", NotRun: true}})),
		"answer-more": withFlag(must(p.AppendResponse(nil, 7, nil, &transport.Message{Body: []byte(`{"v":`)})), 0x08),
		"answer-last": must(p.AppendResponse(nil, 7, nil, &transport.Message{Body: []byte(`3}`)})),
		"cancel":      p.AppendCancel(nil, 7),
		"ping":        p.AppendKeepAlive(nil, 9),
		"pong":        p.AppendPong(nil, 9, nil),
		"going-away":  p.AppendGoingAway(nil),
		"settings":    p.AppendSettings(nil, muxpool.Settings{MaxFrameSize: 4 << 20, MaxCalls: 4096}),
		"settings-full": p.AppendSettings(nil, muxpool.Settings{MaxFrameSize: 4 << 20, MaxCalls: 4096, MaxMetadataPairs: 128,
			MaxMetadataBytes: 16 << 10, Features: muxpool.FeatureMore, MinVersion: 2, MaxVersion: 3}),
		"health-request": must(p.AppendRequest(nil, 10, &transport.Message{Method: p.HealthMethod(), Body: []byte("\x01pay"), Timeout: 30 * time.Second})),
		"health-answer":  must(p.AppendResponse(nil, 10, nil, &transport.Message{Body: []byte{byte(transport.HealthNotServing)}})),
		"farewell":       p.AppendFarewell(nil, v1(t, "request")),
	}
}

// withFlag sets a flag that nothing of today sends.
func withFlag(frame []byte, flag byte) []byte {
	frame[6] |= flag
	return frame
}

// v1 is why a frame of version 1 is refused.
func v1(t *testing.T, name string) error {
	t.Helper()
	_, _, err := native.Protocol{}.Parse(bytes.NewReader(readHex(t, filepath.Join("v1", name))))
	if err == nil {
		t.Fatal("a frame of version 1 was taken")
	}
	return err
}

// readHex reads the bytes of a file in testdata.
func readHex(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoldenFrames(t *testing.T) {
	for name, frame := range golden(t) {
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", name+".hex"), []byte(dump(frame)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want := readHex(t, name)
		if !bytes.Equal(frame, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, frame, want)
		}
		if name == "farewell" { // it is of version 1
			continue
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
		"answer-more": muxpool.FrameMore, "answer-last": muxpool.FrameLast, "error-not-run": muxpool.FrameLast,
		"settings": muxpool.FrameSettings, "pong": muxpool.FrameKeepAlive, "going-away": muxpool.FrameGoingAway, "cancel": muxpool.FrameUnsolicited} {
		if got := p.ClassifyFrame(id(frames[name]), frames[name]); got != kind {
			t.Errorf("%s: a client takes it for %d", name, got)
		}
	}
	for name, kind := range map[string]transport.RequestKind{"request": transport.RequestCall, "cancel": transport.RequestCancel,
		"settings": transport.RequestSettings, "ping": transport.RequestPing, "answer": transport.RequestIgnored} {
		if got := p.ClassifyRequest(id(frames[name]), frames[name]); got != kind {
			t.Errorf("%s: a server takes it for %d", name, got)
		}
	}
}

func id(frame []byte) uint32 { return binary.BigEndian.Uint32(frame[8:]) }

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
	var resp transport.Message
	for status, want := range map[int]int{1 << 40: 0, 1 << 31: 0, 1<<31 - 1: 1<<31 - 1, -1 << 31: -1 << 31, -1<<31 - 1: 0} {
		frame, err := p.AppendResponse(nil, 1, nil, &transport.Message{Err: &transport.Error{Code: transport.CodeBusiness, Status: status, Message: "no"}})
		if e, ok := p.ParseResponse(frame, &resp).(*transport.Error); err != nil || !ok || e.Code != transport.CodeBusiness || e.Status != want || e.Message != "no" {
			t.Errorf("a business error with status %d: %v, want it with status %d", status, err, want)
		}
	}
	frame, err := p.AppendResponse(nil, 1, nil, &transport.Message{Err: &transport.Error{Message: long}})
	if e, ok := p.ParseResponse(frame, &resp).(*transport.Error); err != nil || !ok || len(e.Message) != 1<<16-1 {
		t.Errorf("a long message: %v", err)
	}
}
