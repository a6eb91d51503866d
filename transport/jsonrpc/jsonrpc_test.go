package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

func TestConformance(t *testing.T) {
	for _, version := range []jsonrpc.Version{jsonrpc.VersionAny, jsonrpc.Version1, jsonrpc.Version2} {
		protocoltest.Run(t, jsonrpc.Protocol{Version: version}, protocoltest.Garbage(
			[]byte("GET / HTTP/1.1\r\n"), []byte("[1,]"), []byte(`{"id":}`), []byte(`{]}`), []byte(`[{]`)))
	}
}

func FuzzParse(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		protocoltest.Fuzz(jsonrpc.Protocol{}, b)
		// Where a JSON decoder finds an object or array, so does Parse, and ends with it.
		var want json.RawMessage
		dec := json.NewDecoder(bytes.NewReader(b))
		if dec.Decode(&want) != nil || want[0] != '{' && want[0] != '[' {
			return
		}
		r := wire.NewReader(bytes.NewReader(b), 0)
		_, got, err := jsonrpc.Protocol{}.Parse(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Parse made %q, %v of %q; a decoder %q", got, err, b, want)
		}
	})
}

func TestParseLargeFrames(t *testing.T) {
	big := append(append([]byte(`{"id":7,"result":"`), bytes.Repeat([]byte("x"), 300<<10)...), `"}`...)
	r := wire.NewReader(bytes.NewReader(append(big, '{', '}')), 400<<10)
	id, frame, err := jsonrpc.Protocol{}.Parse(r)
	if err != nil || id != 7 || !bytes.Equal(frame, big) {
		t.Errorf("id %d, %d bytes, %v", id, len(frame), err)
	}
	r = wire.NewReader(bytes.NewReader(big), 100<<10)
	if _, _, err = (jsonrpc.Protocol{}).Parse(r); !errors.Is(err, wire.ErrFrameTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestIDsThatAreNoNumbers(t *testing.T) {
	p := jsonrpc.Protocol{}
	for _, id := range []string{`"abc"`, `18446744073709551615`, `[1]`, `-3`} {
		_, frame, err := p.Parse(bytes.NewReader([]byte(`{"method":"A.B","params":[1],"id":` + id + `}`)))
		if err != nil {
			t.Fatal(err)
		}
		var req transport.Message
		if err := p.ParseRequest(frame, &req); err != nil || req.OneWay {
			t.Fatalf("%s: %v, one-way %v", id, err, req.OneWay)
		}
		got, err := p.AppendResponse(nil, 0, &req, &transport.Message{Body: []byte("2")})
		if want := `{"id":` + id + `,"result":2,"error":null}` + "\n"; err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestBodiesMustBeJSON(t *testing.T) {
	p := jsonrpc.Protocol{}
	for _, body := range []string{"}", `1,2`, "{", "\x00"} {
		if _, err := p.AppendRequest(nil, 1, &transport.Message{Method: "A.B", Body: []byte(body)}); err == nil {
			t.Errorf("a request with the body %q was made", body)
		}
		if _, err := p.AppendResponse(nil, 1, &transport.Message{}, &transport.Message{Body: []byte(body)}); err == nil {
			t.Errorf("an answer with the body %q was made", body)
		}
	}
}

func TestEndOfStream(t *testing.T) {
	for in, want := range map[string]error{"": io.EOF, " \n\n": io.EOF, "{": io.ErrUnexpectedEOF, `{"a":"}`: io.ErrUnexpectedEOF} {
		for _, r := range []io.Reader{bytes.NewReader([]byte(in)), wire.NewReader(bytes.NewReader([]byte(in)), 100)} {
			if _, _, err := (jsonrpc.Protocol{}).Parse(r); err != want {
				t.Errorf("%q: %v, not %v", in, err, want)
			}
		}
		boom := errors.New("boom")
		broken := io.MultiReader(bytes.NewReader([]byte(in)), iotest.ErrReader(boom))
		if _, _, err := (jsonrpc.Protocol{}).Parse(wire.NewReader(broken, 100)); !errors.Is(err, boom) {
			t.Errorf("%q, and then an error: %v, not that", in, err)
		}
	}
}

// Whatever is wrong with a request, the error is for its own id.
func TestErrorsGoToTheirOwnID(t *testing.T) {
	p := jsonrpc.Protocol{}
	for _, request := range []string{
		`{"method":7,"params":[1],"id":41}`, `{"method":{"a":[]},"id":41}`, `{"id":41,"method":["x"]}`, `{"method":"","id":41}`, `{"id":41}`,
	} {
		id, frame, err := p.Parse(bytes.NewReader([]byte(request)))
		if err != nil || id != 41 {
			t.Fatalf("%s: id %d, %v", request, id, err)
		}
		var req transport.Message
		if err := p.ParseRequest(frame, &req); err == nil || req.OneWay {
			t.Errorf("%s: %v, one-way %v", request, err, req.OneWay)
		}
		got, err := p.AppendResponse(nil, 0, &req, &transport.Message{Err: &transport.Error{Message: "no"}})
		if want := `{"id":41,"result":null,"error":"no"}` + "\n"; err != nil || string(got) != want {
			t.Errorf("%s: answered %s, %v", request, got, err)
		}
	}
}

// An answer whose id no Client can have used is nobody's.
func TestAnswersWithOtherIDsAreNobodys(t *testing.T) {
	p := jsonrpc.Protocol{}
	for id, want := range map[string]muxpool.FrameKind{
		"4294967296": muxpool.FrameUnsolicited, "18446744073709551616": muxpool.FrameUnsolicited, "-1": muxpool.FrameUnsolicited,
		"1.5": muxpool.FrameUnsolicited, `"7"`: muxpool.FrameUnsolicited, "null": muxpool.FrameUnsolicited, "[]": muxpool.FrameUnsolicited,
		"4294967297": muxpool.FrameUnsolicited, "8589934591": muxpool.FrameUnsolicited,
		"0": muxpool.FrameUnsolicited, "1": muxpool.FrameLast, "4294967295": muxpool.FrameLast,
	} {
		vid, frame, err := p.Parse(bytes.NewReader([]byte(`{"id":` + id + `,"result":1,"error":null}`)))
		if err != nil {
			t.Fatal(err)
		}
		if kind := p.ClassifyFrame(vid, frame); kind != want || kind == muxpool.FrameUnsolicited && vid != 0 {
			t.Errorf("an answer with id %s: for id %d, of kind %d", id, vid, kind)
		}
	}
}

// What asks is no answer, unless it answers as well; what does neither is one, which its call refuses.
func TestWhatIsAnAnswer(t *testing.T) {
	for members, want := range map[string]muxpool.FrameKind{
		``: muxpool.FrameLast, `,"result":1`: muxpool.FrameLast, `,"result":null`: muxpool.FrameLast, `,"result":null,"error":null`: muxpool.FrameLast, `,"error":"no"`: muxpool.FrameLast,
		`,"method":"M"`: muxpool.FrameUnsolicited, `,"method":"M","result":null,"error":null`: muxpool.FrameUnsolicited,
		`,"method":"M","result":1`: muxpool.FrameLast, `,"method":"M","error":"no"`: muxpool.FrameLast, `,"method":"M","result":1,"error":"no"`: muxpool.FrameLast,
	} {
		if got := (jsonrpc.Protocol{}).ClassifyFrame(7, []byte(`{"id":7`+members+`}`)); got != want {
			t.Errorf("{\"id\":7%s} is of the kind %d, want %d", members, got, want)
		}
	}
}

// What is no object at all is refused as a request of 2.0 that has no id.
func TestRequestsThatAreNoObjects(t *testing.T) {
	p := jsonrpc.Protocol{}
	for _, frame := range []string{"", "[]", "1", `"{"`} {
		var req transport.Message
		err := p.ParseRequest([]byte(frame), &req)
		var e *transport.Error
		if !errors.As(err, &e) || req.OneWay {
			t.Errorf("%q: %v, one-way %v", frame, err, req.OneWay)
			continue
		}
		if got, err := p.AppendResponse(nil, 7, &req, &transport.Message{Err: e}); err != nil || !strings.HasPrefix(string(got), `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,`) {
			t.Errorf("%q is answered %s, %v", frame, got, err)
		}
	}
}

// The body of a request is the only element of its params, or all of them, and finding
// that takes no memory however many there are.
func TestParams(t *testing.T) {
	p := jsonrpc.Protocol{}
	for params, want := range map[string]string{
		`[1]`: `1`, `[ {"a":[1,2],"b":"x,y]"} ]`: `{"a":[1,2],"b":"x,y]"}`, `["a\",b"]`: `"a\",b"`, `[[1,2]]`: `[1,2]`,
		`[1,2]`: `[1,2]`, `[]`: `[]`, `{"a":1}`: `{"a":1}`, `[ ]`: `[ ]`, `null`: `null`, `["a","b"]`: `["a","b"]`,
	} {
		var req transport.Message
		if err := p.ParseRequest([]byte(`{"method":"A.B","params":`+params+`,"id":1}`), &req); err != nil || string(req.Body) != want {
			t.Errorf("%s: %s, %v", params, req.Body, err)
		}
	}
	many := []byte(`{"method":"A.B","params":[1` + strings.Repeat(",1", 1<<20) + `],"id":1}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := p.ParseRequest(many, new(transport.Message)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	got := after.TotalAlloc - before.TotalAlloc
	if most := uint64(2 * len(many)); got > most {
		t.Errorf("%d bytes are allocated for a request of %d, at most %d are allowed", got, len(many), most)
	}
}
