package trpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// pooled reads as a pool and a Service do.
func pooled(b []byte) io.Reader {
	r := wire.NewReader(iotest.OneByteReader(bytes.NewReader(b)), 0)
	r.BeginFrame()
	return r
}

func TestParse(t *testing.T) {
	frame := golden(t, "request")
	binary.BigEndian.PutUint32(frame[10:], math.MaxUint32)
	for name, r := range map[string]io.Reader{"pooled": pooled(frame), "plain": bytes.NewReader(frame)} {
		id, got, err := Protocol{}.Parse(r)
		if id != math.MaxUint32 || !bytes.Equal(got, frame) || err != nil {
			t.Errorf("%s: Parse gives %d, %x, %v", name, id, got, err)
		}
		if _, _, err := (Protocol{}).Parse(r); err != io.EOF {
			t.Errorf("%s: at the end Parse gives %v", name, err)
		}
	}
}

func TestParseTruncated(t *testing.T) {
	frame := golden(t, "request")
	for n := 1; n < len(frame); n++ {
		for name, r := range map[string]io.Reader{"pooled": pooled(frame[:n]), "plain": bytes.NewReader(frame[:n])} {
			if _, _, err := (Protocol{}).Parse(r); err != io.ErrUnexpectedEOF {
				t.Errorf("%s: %d bytes give %v", name, n, err)
			}
		}
	}
}

// header is a header that says these lengths.
func header(total uint32, head uint16) []byte {
	b := appendHeader(nil, frameUnary, 0, 1, version1)
	binary.BigEndian.PutUint32(b[4:], total)
	binary.BigEndian.PutUint16(b[8:], head)
	return b
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  error // nil: any
	}{
		"magic, two bytes":      {[]byte("GE"), nil},
		"magic":                 {[]byte("GET / HTTP/1.1\r\n"), nil},
		"shorter than itself":   {header(15, 0), nil},
		"head beyond the frame": {header(20, 5), nil},
		"one over the limit":    {header(DefaultMaxFrame+1, 0), muxpool.ErrFrameTooLarge},
		"the longest length":    {header(math.MaxUint32, 0), muxpool.ErrFrameTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			endless := io.MultiReader(bytes.NewReader(c.bytes), iotest.ErrReader(errors.New("read on")))
			r := wire.NewReader(endless, 0)
			r.BeginFrame()
			_, _, err := Protocol{}.Parse(r)
			if err == nil || strings.Contains(err.Error(), "read on") || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("Parse gives %v", err)
			}
		})
	}
}

func TestFrameOverTheLimitIsRefusedBeforeAllocation(t *testing.T) {
	b := header(math.MaxUint32, 0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, r := range []io.Reader{wire.NewReader(bytes.NewReader(b), 0), bytes.NewReader(b)} {
		if _, _, err := (Protocol{MaxFrame: math.MaxInt32}).Parse(r); !errors.Is(err, muxpool.ErrFrameTooLarge) {
			t.Error(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
		t.Errorf("%d bytes allocated", n)
	}
}

func TestMaxFrame(t *testing.T) {
	p := Protocol{MaxFrame: 64}
	small := &transport.Message{Method: "/a.B/C", Body: make([]byte, 20)}
	frame, err := p.AppendRequest([]byte("before"), 1, small)
	if err != nil || len(frame) > 6+64 || !bytes.HasPrefix(frame, []byte("before")) {
		t.Fatalf("AppendRequest gives %d bytes, %v", len(frame), err)
	}
	if _, _, err := p.Parse(bytes.NewReader(frame[6:])); err != nil {
		t.Error(err)
	}
	large := &transport.Message{Method: "/a.B/C", Body: make([]byte, 64)}
	if _, err := p.AppendRequest(nil, 1, large); !errors.Is(err, muxpool.ErrFrameTooLarge) {
		t.Errorf("AppendRequest gives %v", err)
	}
	if _, err := p.AppendResponse(nil, 1, small, large); !errors.Is(err, muxpool.ErrFrameTooLarge) {
		t.Errorf("AppendResponse gives %v", err)
	}
	if _, err := (Protocol{MaxFrame: headerSize}).AppendRequest(nil, 1, small); !errors.Is(err, muxpool.ErrFrameTooLarge) {
		t.Errorf("with room for a header alone AppendRequest gives %v", err)
	}
	for _, n := range []int{-1, headerSize - 1, math.MaxUint32 + 1} {
		p := Protocol{MaxFrame: n}
		dst := []byte("before")
		request, err := p.AppendRequest(dst, 1, small)
		answer, failed := p.AppendResponse(dst, 1, small, small)
		_, _, parse := p.Parse(bytes.NewReader(frame))
		for what, err := range map[string]error{"AppendRequest": err, "AppendResponse": failed, "Parse": parse} {
			if !errors.Is(err, transport.ErrInvalidOption) {
				t.Errorf("MaxFrame %d: %s gives %v", n, what, err)
			}
		}
		if string(request) != "before" || string(answer) != "before" {
			t.Errorf("MaxFrame %d: %q and %q", n, request, answer)
		}
	}
}

func TestHeadThatDoesNotFit(t *testing.T) {
	m := &transport.Message{Method: "/a.B/C", Metadata: transport.Metadata{"x": strings.Repeat("y", math.MaxUint16)}}
	if _, err := (Protocol{}).AppendRequest(nil, 1, m); err == nil || !strings.Contains(err.Error(), "at most 65535 fit") {
		t.Errorf("AppendRequest gives %v", err)
	}
	if _, err := (Protocol{}).AppendResponse(nil, 1, m, m); err == nil {
		t.Error("AppendResponse made it fit")
	}
	name := &transport.Message{Metadata: transport.Metadata{"\xff": ""}}
	if _, err := (Protocol{}).AppendRequest(nil, 1, name); err == nil || !strings.Contains(err.Error(), `"\xff"`) {
		t.Errorf("a name that is not UTF-8 gives %v", err)
	}
	if _, err := (Protocol{}).AppendResponse(nil, 1, m, name); err == nil || !strings.Contains(err.Error(), `"\xff"`) {
		t.Errorf("in an answer it gives %v", err)
	}
}
