package trpc

import (
	"encoding/binary"
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

// An answer's attachment is handed on, however small.
func TestAnAttachmentOfAByte(t *testing.T) {
	req := transport.Message{Tag: &Head{version: 1}}
	frame, err := Protocol{}.AppendResponse(nil, 7, &req, &transport.Message{Tag: &Head{Attachment: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	var resp transport.Message
	if err := (Protocol{}).ParseResponse(frame, &resp); err != nil {
		t.Fatal(err)
	}
	if head, _ := resp.Tag.(*Head); head == nil || string(head.Attachment) != "x" {
		t.Errorf("the answer has %+v", head)
	}
}
