package trpc

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

func TestTimeouts(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0:                       0,
		1:                       time.Millisecond, // 0 would be no limit
		1999 * time.Microsecond: time.Millisecond,
		time.Minute:             time.Minute,
		math.MaxInt64:           math.MaxUint32 * time.Millisecond,
	} {
		frame, err := Protocol{}.AppendRequest(nil, 1, &transport.Message{Method: "/a.B/C", Timeout: d})
		var req transport.Message
		if err = errors.Join(err, Protocol{}.ParseRequest(frame, &req)); err != nil || req.Timeout != want {
			t.Errorf("%v travels as %v, %v", d, req.Timeout, err)
		}
	}
}

// Who does not know yet how long a frame is says so.
func TestMeasure(t *testing.T) {
	frame, err := Protocol{}.AppendRequest(nil, 7, &transport.Message{Method: "/a.B/C", Body: []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range frame {
		id, total, ok := Protocol{}.Measure(frame[:n])
		if ok != (n >= headerSize) || ok && (id != 7 || total != int64(len(frame))) {
			t.Errorf("of %d bytes: id %d, %d bytes, %v", n, id, total, ok)
		}
	}
}

func TestCallee(t *testing.T) {
	for method, want := range map[string]string{
		"/trpc.app.server.Service/Method": "trpc.app.server.Service", "/a/b/c": "a/b", "/Method": "", "Method": "", "a.B/C": "", "": "",
	} {
		if got := serviceOf(method); got != want {
			t.Errorf("the callee of %q is %q", method, got)
		}
	}
}

// What a Head sets goes out in place of the protocol's own.
func TestHead(t *testing.T) {
	p := Protocol{Caller: "a", Callee: "b"}
	sent := &Head{Caller: "x", Callee: "y", MessageType: 3, ContentType: ContentJSON, Attachment: []byte("beside")}
	frame, err := p.AppendRequest(nil, 7, &transport.Message{Method: "/m", Body: []byte("body"), Tag: sent})
	if err != nil {
		t.Fatal(err)
	}
	var req transport.Message
	if err := p.ParseRequest(frame, &req); err != nil {
		t.Fatal(err)
	}
	got := req.Tag.(*Head)
	if got.Caller != "x" || got.Callee != "y" || got.MessageType != 3 || got.ContentType != ContentJSON ||
		string(got.Attachment) != "beside" || string(req.Body) != "body" {
		t.Errorf("%+v, body %q", got, req.Body)
	}

	answer := &transport.Message{Body: []byte("body too"), Tag: &Head{Attachment: []byte("back")}}
	frame, err = p.AppendResponse(nil, 7, &req, answer)
	if err != nil {
		t.Fatal(err)
	}
	var resp transport.Message
	if err := p.ParseResponse(frame, &resp); err != nil {
		t.Fatal(err)
	}
	back := resp.Tag.(*Head)
	if string(resp.Body) != "body too" || string(back.Attachment) != "back" || back.MessageType != 3 || back.ContentType != ContentJSON {
		t.Errorf("%+v, body %q", back, resp.Body)
	}
	if _, err := p.AppendRequest(nil, 1, &transport.Message{Tag: "a string"}); err == nil {
		t.Error("a Tag of another type was accepted")
	}
}

func TestAttachmentBeyondTheFrame(t *testing.T) {
	frame := appendHeader(nil, frameUnary, 0, 1, version1)
	frame = appendVarint(frame, fieldAttachmentSize, math.MaxUint32)
	frame, err := finish(append(frame, "body"...), 0, len(frame), math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	if err := (Protocol{}).ParseRequest(frame, new(transport.Message)); err == nil {
		t.Error("ParseRequest accepts it")
	}
	if err := (Protocol{}).ParseResponse(frame, new(transport.Message)); err == nil {
		t.Error("ParseResponse accepts it")
	}
}

// A success in protobuf to id 0 has a head of zeros only: it may be absent when it
// is read, and must not be absent when it is written.
func TestEmptyHead(t *testing.T) {
	frame, err := finish(append(appendHeader(nil, frameUnary, 0, 0, version1), "body"...), 0, headerSize, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	var resp transport.Message
	if err := (Protocol{}).ParseResponse(frame, &resp); err != nil || string(resp.Body) != "body" {
		t.Errorf("ParseResponse gives %q, %v", resp.Body, err)
	}
	frame, err = Protocol{}.AppendResponse(nil, 0, &transport.Message{Tag: &Head{}}, &transport.Message{})
	if err != nil || len(frame) == headerSize {
		t.Errorf("AppendResponse gives %x, %v", frame, err)
	}
}

// An old client has no id in the header, and expects version 0 back.
func TestVersion0(t *testing.T) {
	frame := golden(t, "request")
	copy(frame[10:15], []byte{0, 0, 0, 0, 0})
	var req transport.Message
	if err := (Protocol{}).ParseRequest(frame, &req); err != nil {
		t.Fatal(err)
	}
	answer, err := Protocol{}.AppendResponse(nil, 0, &req, &transport.Message{})
	if want := append(golden(t, "response")[:10], 0, 0, 0, 0, 0); err != nil ||
		!bytes.Equal(answer[8:15], want[8:15]) || answer[headerSize] != fieldRequestID<<3 || answer[headerSize+1] != 1 {
		t.Errorf("AppendResponse gives %x, %v", answer, err)
	}
}

// compressed is an answer whose body is compressed.
func compressed(t *testing.T, encoding uint64, body []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&packed)
	if encoding == encodingZlib {
		w = zlib.NewWriter(&packed)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	frame := appendHeader(nil, frameUnary, 0, 1, version1)
	frame = appendVarint(frame, responseContentEncoding, encoding)
	frame, err := finish(append(frame, packed.Bytes()...), 0, len(frame), math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestCompressedBodies(t *testing.T) {
	p := Protocol{MaxFrame: 4096}
	for _, encoding := range []uint64{encodingGzip, encodingZlib} {
		var resp transport.Message
		if err := p.ParseResponse(compressed(t, encoding, []byte("the body")), &resp); err != nil || string(resp.Body) != "the body" {
			t.Errorf("encoding %d: %q, %v", encoding, resp.Body, err)
		}
		bomb := compressed(t, encoding, make([]byte, 1<<20))
		if err := p.ParseResponse(bomb, &resp); !errors.Is(err, muxpool.ErrFrameTooLarge) {
			t.Errorf("encoding %d: a bomb gives %v", encoding, err)
		}
		cut := compressed(t, encoding, []byte(strings.Repeat("the body", 8)))
		cut[len(cut)-1]++
		if err := p.ParseResponse(cut, &resp); err == nil {
			t.Errorf("encoding %d: a wrong checksum is accepted", encoding)
		}
	}
	for _, encoding := range []uint64{encodingGzip, 2} { // of nothing there is nothing to unpack
		frame := compressed(t, encoding, nil)
		end := headerSize + int(binary.BigEndian.Uint16(frame[8:]))
		binary.BigEndian.PutUint32(frame[4:], uint32(end))
		if err := p.ParseResponse(frame[:end], new(transport.Message)); err != nil {
			t.Errorf("encoding %d, without a body: %v", encoding, err)
		}
	}
	if err := (Protocol{MaxFrame: 1}).ParseResponse(compressed(t, encodingGzip, []byte("x")), new(transport.Message)); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("with a MaxFrame that makes no sense: %v", err)
	}
	if err := p.ParseResponse(compressed(t, 2, nil), new(transport.Message)); err == nil || !strings.Contains(err.Error(), "content encoding 2") {
		t.Errorf("snappy gives %v", err)
	}
}

// A keepalive frame is answered as trpc-go answers it: with an error to its id.
func TestKeepAlive(t *testing.T) {
	p := KeepAlive{}
	id, frame, err := p.Parse(bytes.NewReader(p.AppendKeepAlive(nil, 9)))
	if id != 9 || err != nil {
		t.Fatalf("Parse gives %d, %v", id, err)
	}
	var failure *transport.Error
	if err := p.ParseRequest(frame, new(transport.Message)); !errors.As(err, &failure) || failure.Code != transport.CodeInvalidArgument {
		t.Errorf("ParseRequest gives %v", err)
	}
}
