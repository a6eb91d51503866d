package native

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// The bytes of names and values are counted before anything is made of them.
func TestMetadataBytes(t *testing.T) {
	md := transport.Metadata{"a": "bc", "def": "ghij", "": ""}
	section, err := appendMetadata(nil, md)
	if err != nil {
		t.Fatal(err)
	}
	for rest, want := range map[string]int{"": 10, "the body": 10} {
		p := parts{rest: append(section[:len(section):len(section)], rest...)}
		if got := p.metadataBytes(3); got != want || len(p.rest) != len(section)+len(rest) {
			t.Errorf("%d bytes, want %d", got, want)
		}
	}
	for n := range section {
		p := parts{rest: section[:n]}
		if got := p.metadataBytes(3); got < 0 || got > 10 {
			t.Errorf("%d bytes of a section of %d", got, n)
		}
	}
	if got := (&parts{rest: section}).metadataBytes(0); got != 0 {
		t.Errorf("%d bytes of no pairs", got)
	}
}

// A frame of another version is neither a request nor an answer.
func TestFramesOfAnotherVersion(t *testing.T) {
	for kind, parse := range map[uint8]func([]byte, *transport.Message) error{kindRequest: Protocol{}.ParseRequest, kindAnswer: Protocol{}.ParseResponse} {
		frame, err := finish(appendHeader(nil, header{kind: kind}), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := parse(frame, new(transport.Message)); err != nil {
			t.Errorf("kind %d: %v", kind, err)
		}
		frame[4]++
		var failure *transport.Error
		if err := parse(frame, new(transport.Message)); err == nil || errors.As(err, &failure) {
			t.Errorf("kind %d of another version: %v", kind, err)
		}
	}
}

func TestMetadataThatDoesNotFit(t *testing.T) {
	resp := &transport.Message{Metadata: transport.Metadata{"a": strings.Repeat("b", math.MaxUint16+1)}}
	if _, err := (Protocol{}).AppendResponse(nil, 7, new(transport.Message), resp); err == nil {
		t.Error("an answer with a value of 64 KiB was written")
	}
	resp.Metadata["a"] = resp.Metadata["a"][1:]
	if _, err := (Protocol{}).AppendResponse(nil, 7, new(transport.Message), resp); err != nil {
		t.Error(err)
	}
}

func TestMethodsThatFit(t *testing.T) {
	for n, ok := range map[int]bool{math.MaxUint16: true, math.MaxUint16 + 1: false} {
		req := &transport.Message{Method: strings.Repeat("m", n)}
		frame, err := Protocol{}.AppendRequest(nil, 7, req)
		if (err == nil) != ok {
			t.Errorf("a method of %d bytes: %v", n, err)
		}
		if !ok {
			continue
		}
		var read transport.Message
		if err := (Protocol{}).ParseRequest(frame, &read); err != nil || read.Method != req.Method {
			t.Errorf("a method of %d bytes is read as one of %d, %v", n, len(read.Method), err)
		}
	}
}

func TestLengthsThatMakeSense(t *testing.T) {
	for n, ok := range map[uint32]bool{headerSize - 5: false, headerSize - 4: true, math.MaxInt32 - 4: true, math.MaxInt32 - 3: false, math.MaxUint32: false} {
		if err := checkLength(n); (err == nil) != ok {
			t.Errorf("a frame of length %d: %v", n, err)
		}
	}
}
