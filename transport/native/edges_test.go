package native

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// The bytes of names and values are counted before anything is made of them.
func TestMetadataBytes(t *testing.T) {
	md := transport.Metadata{"a": "bc", "def": "ghij", "": ""}
	section, err := appendMetadata(nil, md)
	if err != nil {
		t.Fatal(err)
	}
	one, err := appendMetadata(nil, transport.Metadata{"abc": "de"})
	if got := (&parts{rest: one}).metadataBytes(1); got != 5 || err != nil {
		t.Errorf("%d bytes of one pair, %v", got, err)
	}
	if got := (&parts{rest: one}).metadataBytes(2); got != 0 {
		t.Errorf("%d bytes of pairs that are not there", got)
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
	resp.Metadata[resp.Metadata["a"]] = ""
	if _, err := (Protocol{}).AppendResponse(nil, 7, new(transport.Message), resp); err != nil {
		t.Error(err)
	}
	resp.Metadata[strings.Repeat("b", math.MaxUint16+1)] = ""
	if _, err := (Protocol{}).AppendResponse(nil, 7, new(transport.Message), resp); err == nil {
		t.Error("an answer with a name of 64 KiB was written")
	}
	many := make(transport.Metadata)
	for n := range math.MaxUint16 {
		many[fmt.Sprint(n)] = ""
	}
	if _, err := appendMetadata(nil, many); err != nil {
		t.Error(err)
	}
	many["one more"] = ""
	if _, err := appendMetadata(nil, many); err == nil {
		t.Error("65536 pairs were written")
	}
}

// Frames are appended: what is there before them changes nothing in them.
func TestFramesBehindOthers(t *testing.T) {
	m := &transport.Message{Method: "stock.get", Metadata: transport.Metadata{"a": "b"}, Body: []byte("body"), Timeout: time.Second}
	for name, write := range map[string]func(dst []byte) ([]byte, error){
		"request":   func(dst []byte) ([]byte, error) { return Protocol{}.AppendRequest(dst, 7, m) },
		"answer":    func(dst []byte) ([]byte, error) { return Protocol{}.AppendResponse(dst, 7, m, m) },
		"cancel":    func(dst []byte) ([]byte, error) { return Protocol{}.AppendCancel(dst, 7), nil },
		"keepalive": func(dst []byte) ([]byte, error) { return Protocol{}.AppendKeepAlive(dst, 7), nil },
	} {
		alone, err := write(nil)
		if err != nil {
			t.Fatal(name, err)
		}
		behind, err := write([]byte("another frame"))
		if err != nil || string(behind) != "another frame"+string(alone) {
			t.Errorf("%s: %q behind another frame, alone %q, %v", name, behind, alone, err)
		}
	}
}

func TestNumbersOfRequests(t *testing.T) {
	if got := (Protocol{}).IDSpace(); got.Min != 1 || got.Max != math.MaxUint32 || got.Reserved != nil {
		t.Errorf("ids are %+v", got)
	}
	for ns, want := range map[uint64]time.Duration{0: 1, 1: 1, 2: 2, math.MaxInt64: math.MaxInt64, math.MaxInt64 + 1: math.MaxInt64, math.MaxUint64: math.MaxInt64} {
		if got := timeout(ns); got != want {
			t.Errorf("%d ns are %v", ns, got)
		}
	}
}

// The last piece may fill an answer to the bound.
func TestGatheredToTheBound(t *testing.T) {
	for n, want := range map[int]error{1: nil, 2: errGathered} {
		resp := transport.Message{Body: make([]byte, maxGathered-1, maxGathered), Tag: gathering{}}
		p := parts{rest: make([]byte, n)}
		if err := p.answer(header{}, &resp); err != want || err == nil && len(resp.Body) != maxGathered {
			t.Errorf("%d bytes more: %d bytes, %v", n, len(resp.Body), err)
		}
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

// Pairs are written in the order of their names: equal messages make equal frames.
func TestPairsAreSorted(t *testing.T) {
	md := make(transport.Metadata)
	var want []byte
	for n := range 100 {
		name := fmt.Sprintf("name%02d", n)
		md[name] = "v"
		want = append(want, "\x00\x06\x00\x01"+name+"v"...)
	}
	if got, err := appendMetadata(nil, md); err != nil || string(got) != string(want) {
		t.Errorf("%q, %v", got, err)
	}
}
