package native_test

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// addGolden makes all golden frames, of both versions, seeds.
func addGolden(f *testing.F) {
	for _, pattern := range []string{"testdata/*.hex", "testdata/v1/*.hex"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			name, _ := filepath.Rel("testdata", strings.TrimSuffix(file, ".hex"))
			f.Add(readHex(f, name))
		}
	}
}

// A request that is taken says the same when it is sent on.
func FuzzParseRequest(f *testing.F) {
	addGolden(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p := native.Protocol{}
		id, frame, err := p.Parse(bytes.NewReader(b))
		if err != nil {
			if words := p.AppendFarewell(nil, err); len(words) > 0 && (len(b) < 16 || b[4] != 1 || b[5] != 1) {
				t.Fatalf("%x got the farewell %x", b, words)
			}
			return
		}
		var req, again transport.Message
		if p.ParseRequest(frame, &req) != nil {
			return
		}
		if p.ClassifyRequest(id, frame) != transport.RequestCall {
			t.Fatalf("%x is a request that is no call", frame)
		}
		if err := p.ParseRequest(appendRequest(t, id, &req), &again); err != nil {
			t.Fatal(err)
		}
		if again.Method != req.Method || !bytes.Equal(again.Body, req.Body) || again.Timeout != req.Timeout ||
			again.OneWay != req.OneWay || !maps.Equal(again.Metadata, req.Metadata) {
			t.Fatalf("%x: %+v, then %+v", frame, req, again)
		}
	})
}

// The frames of a stream, read into one answer: what is kind and what is error agree,
// and errors say only what travels.
func FuzzParseResponse(f *testing.F) {
	addGolden(f)
	f.Add(append(readHex(f, "answer-more"), readHex(f, "answer-last")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, r, resp := native.Protocol{}, bytes.NewReader(b), new(transport.Message)
		for gathered := 0; ; {
			id, frame, err := p.Parse(r)
			if err != nil {
				return
			}
			gathered += len(frame)
			kind := p.ClassifyFrame(id, frame)
			err = p.ParseResponse(frame, resp)
			var e *transport.Error
			switch {
			case kind != muxpool.FrameLast && kind != muxpool.FrameMore && err == nil:
				t.Fatalf("%x is an answer, and of the kind %d", frame, kind)
			case errors.As(err, &e) && (e.Code != e.Code.Travels() || kind != muxpool.FrameLast):
				t.Fatalf("%x: the error %+v, of the kind %d", frame, e, kind)
			case len(resp.Body) > gathered:
				t.Fatalf("a body of %d bytes from %d", len(resp.Body), gathered)
			case kind == muxpool.FrameLast && (err == nil || e != nil) && resp.Tag != nil:
				t.Fatalf("%x is the last, and the answer is not done", frame)
			}
			if kind != muxpool.FrameMore || err != nil {
				resp, gathered = new(transport.Message), 0
			}
		}
	})
}
