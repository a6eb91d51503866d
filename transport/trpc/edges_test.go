package trpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// A frame may be a header and nothing else.
func TestFramesOfAHeaderAlone(t *testing.T) {
	later := appendHeader(nil, frameStream, streamClose, 7, 1)
	if len(later) != headerSize {
		t.Fatalf("a header of %d bytes", len(later))
	}
	if kind := (Protocol{}).ClassifyRequest(7, later); kind != transport.RequestIgnored {
		t.Errorf("a later frame of a stream is a %v", kind)
	}
	call := appendHeader(nil, frameUnary, 0, 7, 1)
	binary.BigEndian.PutUint32(call[4:], headerSize)
	var req transport.Message
	if err := (Protocol{}).ParseRequest(call, &req); err == nil {
		t.Error("a request without a head is one")
	}
	if head := req.Tag.(*Head); head.version != 1 || head.stream {
		t.Errorf("it is answered as %+v", head)
	}
}

// Of a request that cannot be read the answer, and who counts it, are told what can be.
func TestWhatIsGleanedOfABadRequest(t *testing.T) {
	frame, err := Protocol{}.AppendRequest(nil, 7, &transport.Message{Method: "/s/M", OneWay: true})
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(frame[8:], uint16(len(frame))) // a head beyond the frame
	var req transport.Message
	if err := (Protocol{}).ParseRequest(frame, &req); err == nil || req.Method != "/s/M" || !req.OneWay {
		t.Errorf("%v, of the method %q, one way %v", err, req.Method, req.OneWay)
	}
}

func TestPairsThatAreCutOff(t *testing.T) {
	whole := appendBytes(appendBytes(nil, 1, "a"), 2, "b")
	for n := range whole {
		var md transport.Metadata
		if err := addPair(&md, whole[:n]); (err == nil) != (n%3 == 0) {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
}

func TestLimitsOfThisProtocol(t *testing.T) {
	if got, want := (Protocol{}).IDSpace(), (muxpool.IDSpace{Min: 1, Max: math.MaxUint32}); !reflect.DeepEqual(got, want) {
		t.Errorf("ids are of %+v, want %+v", got, want)
	}
	for ret, want := range map[int32]transport.Code{99: transport.CodeUnknown, 100: transport.CodeInternal, 199: transport.CodeInternal, 200: transport.CodeUnknown} {
		if got := codeOf(ret); got != want {
			t.Errorf("code %d is %v, want %v", ret, got, want)
		}
	}
	for n, ok := range map[int]bool{headerSize - 1: false, headerSize: true, math.MaxUint32: true, math.MaxUint32 + 1: false} {
		if got, err := (Protocol{MaxFrame: n}).maxFrame(); (err == nil) != ok || ok && got != n {
			t.Errorf("MaxFrame %d: %d, %v", n, got, err)
		}
	}
}

// What an answer's head has beside what the Message has is handed on, however little.
func TestTheHeadOfAnAnswer(t *testing.T) {
	p := Protocol{ContentType: 5}
	for name, sent := range map[string]Head{
		"nothing else":           {ContentType: 5},
		"an attachment":          {ContentType: 5, Attachment: []byte("x")},
		"the type of a message":  {ContentType: 5, MessageType: 1},
		"another type of a body": {ContentType: 6},
	} {
		frame, err := p.AppendResponse(nil, 7, &transport.Message{Tag: &Head{version: 1}}, &transport.Message{Tag: &sent})
		if err != nil {
			t.Fatal(err)
		}
		var resp transport.Message
		if err := p.ParseResponse(frame, &resp); err != nil {
			t.Fatal(err)
		}
		head, _ := resp.Tag.(*Head)
		if name == "nothing else" {
			if head != nil {
				t.Errorf("an answer with %s has the head %+v", name, head)
			}
		} else if head == nil || head.ContentType != sent.ContentType || head.MessageType != sent.MessageType || string(head.Attachment) != string(sent.Attachment) {
			t.Errorf("an answer with %s has the head %+v", name, head)
		}
	}
}

// Frames that do not fit together are no answers, and neither are those of a foreign
// protocol.
func TestFramesThatAreNone(t *testing.T) {
	whole, err := Protocol{}.AppendResponse(nil, 7, &transport.Message{Tag: &Head{version: 1}}, &transport.Message{Body: []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"shorter than it says": func(b []byte) []byte { return b[:len(b)-1] },
		"less than a header":   func(b []byte) []byte { return b[:headerSize-1] },
		"foreign":              func(b []byte) []byte { b[0]++; return b },
		"a head beyond it":     func(b []byte) []byte { b[8] = 1; return b },
		"of a stream":          func(b []byte) []byte { b[2] = frameStream; return b },
	} {
		var failure *transport.Error
		if err := (Protocol{}).ParseResponse(change(bytes.Clone(whole)), new(transport.Message)); err == nil || errors.As(err, &failure) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := nextField(binary.AppendUvarint(nil, (maxFieldNumber+1)<<3)); err == nil {
		t.Error("a field has a number that protobuf does not allow")
	}
	if f, _, err := nextField(append(binary.AppendUvarint(nil, maxFieldNumber<<3), 1)); err != nil || f.number != maxFieldNumber {
		t.Errorf("the last field number: %d, %v", f.number, err)
	}
}

// An answer that has nothing to say in its head says that its version is 0, since trpc-go
// refuses a head of no bytes.
func TestTheLeastHead(t *testing.T) {
	frame, err := Protocol{}.AppendResponse(nil, 0, &transport.Message{Tag: &Head{}}, &transport.Message{Body: []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	head, rest, err := split(frame)
	if err != nil || !bytes.Equal(head, []byte{fieldVersion << 3, 0}) || string(rest) != "body" {
		t.Errorf("the head %x, the body %q, %v", head, rest, err)
	}
}
