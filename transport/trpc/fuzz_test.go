package trpc

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

func seeds(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.frame"))
	if err != nil || len(files) == 0 {
		f.Fatal("no golden frames", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add(header(0xffffffff, 0xffff))
	f.Add(append(header(18, 2), 0x0b, 0x0c))       // an empty group
	f.Add(append(header(20, 4), 0x4a, 2, 0x0a, 0)) // metadata of nothing
}

// FuzzParse: whatever comes, Parse returns a frame that has the length it says, or
// an error, and both readers agree.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p := Protocol{MaxFrame: 1 << 16}
		id, frame, err := p.Parse(pooled(b))
		id2, frame2, err2 := p.Parse(bytes.NewReader(b))
		if id != id2 || !bytes.Equal(frame, frame2) || (err == nil) != (err2 == nil) {
			t.Fatalf("pooled: %d, %x, %v; plain: %d, %x, %v", id, frame, err, id2, frame2, err2)
		}
		if err == nil && !bytes.HasPrefix(b, frame) {
			t.Fatalf("%x is not the beginning of %x", frame, b)
		}
	})
}

// FuzzRequest: a request that parses survives being made and parsed again.
func FuzzRequest(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Protocol{MaxFrame: 1 << 17}
		if len(frame) >= headerSize {
			p.ClassifyRequest(1, frame)
		}
		var req transport.Message
		failed := p.ParseRequest(frame, &req)
		resp := transport.Message{Body: req.Body, Metadata: req.Metadata}
		if failed != nil {
			resp = transport.Message{Err: &transport.Error{Code: transport.CodeInvalidArgument, Message: failed.Error()}}
		}
		if _, err := p.AppendResponse(nil, 1, &req, &resp); err != nil && failed != nil {
			t.Fatalf("a request that is refused with %v cannot be answered: %v", failed, err)
		}
		if failed != nil {
			return
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

// FuzzResponse: an answer that parses survives being made and parsed again.
func FuzzResponse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Protocol{MaxFrame: 1 << 17}
		var resp transport.Message
		if p.ParseResponse(frame, &resp) != nil {
			return
		}
		again, err := p.AppendResponse(nil, 1, &transport.Message{}, &resp)
		if err != nil {
			return // larger than it came
		}
		var back transport.Message
		if err := p.ParseResponse(again, &back); err != nil || !same(&resp, &back) {
			t.Fatalf("%+v came back as %+v, %v", resp, back, err)
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
	return a.Method == b.Method && a.OneWay == b.OneWay && a.Timeout == b.Timeout && bytes.Equal(a.Body, b.Body)
}
