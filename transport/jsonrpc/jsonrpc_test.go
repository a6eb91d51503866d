package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	protocoltest.Run(t, jsonrpc.Protocol{}, protocoltest.Garbage(
		[]byte("GET / HTTP/1.1\r\n"), []byte("[1]"), []byte(`{"id":}`), []byte(`{]}`)))
}

func FuzzParse(f *testing.F) {
	for _, seed := range protocoltest.Seeds(jsonrpc.Protocol{}) {
		f.Add(seed)
	}
	for _, seed := range []string{`{"id":"text\"}"}`, `{"a":{"b":[1,{}]},"id":4294967296}`, " \n{}", `{"id":null}{"id":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		protocoltest.Fuzz(jsonrpc.Protocol{}, b)
		// Where a JSON decoder finds an object, so does Parse, and ends with it.
		var want json.RawMessage
		dec := json.NewDecoder(bytes.NewReader(b))
		if dec.Decode(&want) != nil || want[0] != '{' {
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
	}
}
