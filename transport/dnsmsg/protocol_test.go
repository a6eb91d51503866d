package dnsmsg_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// client is TCP without its server side: the kit's peer for that answers with texts of errors,
// which DNS has not.
type client struct {
	transport.Protocol
	muxpool.FrameClassifier
	muxpool.IDSpacer
}

var (
	tcp   = client{dnsmsg.TCP{}, dnsmsg.TCP{}, dnsmsg.TCP{}}
	peers = []protocoltest.Option{
		protocoltest.Method(dnsmsg.MethodQuery),
		protocoltest.Bodies(message("a.example.org"), message("b.example.org"), message("."), extended("c.example.org", 1232)),
		protocoltest.LargeBody(nil),
		protocoltest.Answer(answer),
		protocoltest.ErrorAnswer(func(dst []byte, id uint32) []byte { return failed(dst, id, message("a.example.org"), 2) }),
		protocoltest.Garbage([]byte{0, 11}),
	}
)

// answer is what a server makes of a request.
func answer(dst []byte, id uint32, body []byte) []byte {
	return must(dnsmsg.TCP{}.AppendResponse(dst, id, new(transport.Message), &transport.Message{Body: txt(body[:len(body):len(body)], 20)}))
}

func failed(dst []byte, id uint32, body []byte, rcode byte) []byte {
	begin := len(dst)
	dst = must(dnsmsg.TCP{}.AppendResponse(dst, id, new(transport.Message), &transport.Message{Body: body}))
	dst[begin+5] |= rcode
	return dst
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestConformance(t *testing.T) { protocoltest.Run(t, tcp, peers...) }

func FuzzFrames(f *testing.F) { protocoltest.FuzzFrames(f, tcp, peers...) }

func FuzzMessages(f *testing.F) { protocoltest.FuzzMessages(f, tcp, peers...) }

// A request is the body with the pool's id, the same over both networks but for the length.
func TestRequestOnTheWire(t *testing.T) {
	body := message("www.example.org")
	over := must(dnsmsg.UDP{}.AppendRequest(nil, 7, &transport.Message{Body: body}))
	if !bytes.Equal(over[2:], body[2:]) {
		t.Errorf("%x travels as %x", body, over)
	}
	stream := must(dnsmsg.TCP{}.AppendRequest([]byte("before"), 7, &transport.Message{Body: body}))
	if want := append([]byte{'b', 'e', 'f', 'o', 'r', 'e', 0, byte(len(body))}, over...); !bytes.Equal(stream, want) {
		t.Errorf("over TCP %x, want %x", stream, want)
	}
	if bytes.Equal(over[:2], must(dnsmsg.UDP{}.AppendRequest(nil, 8, &transport.Message{Body: body}))[:2]) {
		t.Error("two ids are the same")
	}
}

// Bodies that are no requests are refused before anything is sent, by a text that says why.
func TestBodiesThatAreNoRequests(t *testing.T) {
	response := message("example.org")
	response[2] |= 0x80
	cut := message("example.org")
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"nothing", nil, "0 bytes, a header has 12"},
		{"too large", make([]byte, 1<<16), "at most 65535 bytes, the body has 65536"},
		{"a response", response, "QR is set"},
		{"half a question", cut[:len(cut)-1], "ends too early"},
		{"a label of a kind that is none", append(append(cut[:12:12], 0x80), cut...), "label of type 0x80"},
		{"a name without an end", append(cut[:12:12], bytes.Repeat([]byte{1, 'a'}, 200)...), "name of over 255 bytes"},
	} {
		for _, p := range []transport.Protocol{dnsmsg.UDP{}, dnsmsg.TCP{}} {
			if _, err := p.AppendRequest(nil, 1, &transport.Message{Body: c.body}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %T: %v, want %q", c.name, p, err, c.want)
			}
		}
	}
}

// Which response codes are errors, whose, and which are answers.
func TestResponseCodes(t *testing.T) {
	codes := map[byte]transport.Code{
		0: 0, 3: 0, 1: transport.CodeInvalidArgument, 2: transport.CodeInternal, 4: transport.CodeUnimplemented, 5: transport.CodePermissionDenied,
		6: transport.CodeFailedPrecondition, 7: transport.CodeFailedPrecondition, 8: transport.CodeFailedPrecondition,
		9: transport.CodePermissionDenied, 10: transport.CodeInvalidArgument,
	}
	names := []string{1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET", 8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 11: "RCODE11", 15: "RCODE15"}
	for rcode := range byte(16) {
		want, known := codes[rcode]
		if !known {
			want = transport.CodeUnknown
		}
		resp, err := read(t, "example.org", failed(nil, 1, message("example.org"), rcode))
		var e *transport.Error
		switch {
		case want == 0 && err != nil, want != 0 && (!errors.As(err, &e) || e.Code != want || e.Status != int(rcode)):
			t.Errorf("response code %d is %v, want code %v", rcode, err, want)
		case len(resp.Body) == 0 || resp.Body[3]&15 != rcode:
			t.Errorf("response code %d has the body %x", rcode, resp.Body)
		case e != nil && names[rcode] != "" && e.Message != names[rcode]:
			t.Errorf("response code %d is called %q", rcode, e.Message)
		}
	}
}

// read is what a client that asked for name makes of a frame.
func read(t *testing.T, name string, frame []byte) (*transport.Message, error) {
	t.Helper()
	req := &transport.Message{Body: message(name)}
	must(dnsmsg.TCP{}.AppendRequest(nil, 1, req))
	resp := &transport.Message{Tag: req.Tag}
	id, frame, err := dnsmsg.TCP{}.Parse(wire.NewReader(bytes.NewReader(frame), 0))
	if err != nil || id != 1 {
		t.Fatalf("id %d, %v", id, err)
	}
	return resp, dnsmsg.TCP{}.ParseResponse(frame, resp)
}

// An answer to another question is none, whatever its id says.
func TestAnswersToOtherQuestions(t *testing.T) {
	unread := message("example.org")[:12]
	unread[5] = 0
	for _, c := range []struct {
		name   string
		answer []byte
		ok     bool
	}{
		{"the same", answer(nil, 1, message("www.example.org")), true},
		{"in other letters", answer(nil, 1, message("WWW.eXample.org")), true},
		{"another", answer(nil, 1, message("wwx.example.org")), false},
		{"a longer one", answer(nil, 1, message("www.example.org.uk")), false},
		{"another, with an error", failed(nil, 1, message("wwx.example.org"), 2), false},
		{"none", failed(nil, 1, unread, 0), false},
		{"none, since it could not be read", failed(nil, 1, unread, 1), true},
	} {
		_, err := read(t, "www.example.org", c.answer)
		var e *transport.Error
		if got := err == nil || errors.As(err, &e); got != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What asks is nobody's answer.
func TestRequestsAreNoAnswers(t *testing.T) {
	body := message("example.org")
	for _, response := range []bool{false, true} {
		want := muxpool.FrameUnsolicited
		if response {
			body[2] |= 0x80
			want = muxpool.FrameLast
		}
		if got := (dnsmsg.UDP{}).ClassifyFrame(1, body); got != want {
			t.Errorf("UDP, response %v: %v", response, got)
		}
		if got := (dnsmsg.TCP{}).ClassifyFrame(1, append([]byte{0, byte(len(body))}, body...)); got != want {
			t.Errorf("TCP, response %v: %v", response, got)
		}
	}
}

// Datagrams are cut as they come; who puts UDP on a stream is told.
func TestParseOfDatagrams(t *testing.T) {
	d := wire.NewDatagramReader(0)
	for n, ok := range map[int]bool{0: false, 11: false, 12: true, 500: true, 65507: true, 65535: true} {
		d.Reset(make([]byte, n))
		_, frame, err := dnsmsg.UDP{}.Parse(d)
		if (err == nil) != ok || ok && len(frame) != n {
			t.Errorf("a datagram of %d bytes: %d, %v", n, len(frame), err)
		}
	}
	if _, _, err := (dnsmsg.UDP{}).Parse(bytes.NewReader(message("a"))); err == nil || !strings.Contains(err.Error(), "it is TCP") {
		t.Errorf("a stream: %v", err)
	}
}

// FuzzServer: whatever is asked and answered, an answer has the question again, the id, and
// no more bytes than the client takes.
func FuzzServer(f *testing.F) {
	f.Add(message("example.org"), message("example.org"), uint8(0))
	f.Add(extended("example.org", 600), txt(message("example.org"), 700), uint8(0))
	f.Add(message("example.org"), []byte(nil), uint8(13))
	f.Add(message("example.org")[:20], []byte(nil), uint8(3))
	f.Fuzz(func(t *testing.T, asked, body []byte, code uint8) {
		var req transport.Message
		if len(asked) < 12 {
			return // Parse refuses it
		}
		failure := dnsmsg.UDP{}.ParseRequest(asked, &req)
		resp := &transport.Message{Body: bytes.Clone(body)}
		if code != 0 || failure != nil {
			resp.Err = &transport.Error{Code: transport.Code(code)}
		}
		frame, err := dnsmsg.UDP{}.AppendResponse([]byte("before"), 77, &req, resp)
		if err != nil {
			return
		}
		frame = frame[len("before"):]
		if len(frame) < 12 || frame[2]&0x80 == 0 {
			t.Fatalf("answered %x", frame)
		}
		most := 512
		if failure == nil && binary.BigEndian.Uint16(asked[6:])+binary.BigEndian.Uint16(asked[8:])+binary.BigEndian.Uint16(asked[10:]) > 0 {
			most = 65507
		}
		if questions := binary.BigEndian.Uint16(frame[4:]); len(frame) > most && questions < 2 {
			t.Fatalf("an answer of %d bytes, at most %d were wanted", len(frame), most)
		}
		d := wire.NewDatagramReader(0)
		d.Reset(frame)
		if id, _, err := (dnsmsg.UDP{}).Parse(d); id != 77 || err != nil {
			t.Fatalf("id %d, %v", id, err)
		}
	})
}
