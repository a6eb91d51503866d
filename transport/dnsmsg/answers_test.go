package dnsmsg_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg"
)

// parsed is a request as a Service over UDP has it, readable or not.
func parsed(m []byte) *transport.Message {
	req := new(transport.Message)
	_ = dnsmsg.UDP{}.ParseRequest(m, req)
	return req
}

// padded is a message of so many bytes.
func padded(m []byte, size int) []byte { return append(bytes.Clone(m), make([]byte, size-len(m))...) }

// behindOther appends an answer behind another frame, and returns it alone.
func behindOther(t *testing.T, p transport.ServerProtocol, req, resp *transport.Message) []byte {
	t.Helper()
	const other = "another frame"
	frame, err := p.AppendResponse([]byte(other), 7, req, resp)
	if err != nil || !bytes.HasPrefix(frame, []byte(other)) {
		t.Fatalf("%q, %v", frame, err)
	}
	return frame[len(other):]
}

// An answer as large as the client takes is sent whole, to the byte; one to who asked nothing that could be read, too.
func TestAnswersThatJustFit(t *testing.T) {
	for _, c := range []struct {
		request []byte
		most    int
	}{{message("example.org"), 512}, {extended("example.org", 513), 513}, {extended("example.org", 1232), 1232}} {
		for n, fits := range map[int]bool{c.most - 1: true, c.most: true, c.most + 1: false} {
			answer := behindOther(t, dnsmsg.UDP{}, parsed(c.request), &transport.Message{Body: padded(message("example.org"), n)})
			if truncated := answer[2]&0x02 != 0; truncated == fits || fits && len(answer) != n {
				t.Errorf("%d bytes of %d: truncated %v, to %d", n, c.most, truncated, len(answer))
			}
		}
	}
	body := padded(message("example.org"), 2000)
	if answer := behindOther(t, dnsmsg.UDP{}, new(transport.Message), &transport.Message{Body: body}); len(answer) != len(body) {
		t.Errorf("an answer to nobody has %d bytes, want %d", len(answer), len(body))
	}
}

// What is left of an answer that is too large, to the byte: the header, the questions, and an OPT record where there was one.
func TestWhatIsLeftOfATruncatedAnswer(t *testing.T) {
	const question = "\x01a\x00\x00\x10\x00\x01"
	body := padded(message("a"), 2000)
	body[3] = 0x83                       // RA, NXDOMAIN
	body[7], body[9], body[11] = 3, 2, 1 // records, which are dropped
	failure := &transport.Error{Code: transport.CodeTooLarge}
	for name, c := range map[string]struct {
		request []byte
		resp    transport.Message
		want    string
	}{
		"of a plain request":      {message("a"), transport.Message{Body: body}, "\x83\x83\x00\x01\x00\x00\x00\x00\x00\x00" + question},
		"of an extended one":      {extended("a", 1232), transport.Message{Body: body}, "\x83\x83\x00\x01\x00\x00\x00\x00\x00\x01" + question + "\x00\x00\x29\xff\xe3\x00\x00\x00\x00\x00\x00"},
		"which may not be sent":   {message("a"), transport.Message{Err: failure}, "\x83\x00\x00\x01\x00\x00\x00\x00\x00\x00" + question},
		"which may not, extended": {extended("a", 1232), transport.Message{Err: failure}, "\x83\x00\x00\x01\x00\x00\x00\x00\x00\x01" + question + "\x00\x00\x29\xff\xe3\x00\x00\x00\x00\x00\x00"},
	} {
		if got := behindOther(t, dnsmsg.UDP{}, parsed(c.request), &c.resp)[2:]; string(got) != c.want {
			t.Errorf("%s: %x, want %x", name, got, c.want)
		}
	}
}

// An error without a body of its own has the questions again, with the opcode and the wish for recursion, to the byte.
func TestErrorsOnTheWire(t *testing.T) {
	notify, half, many := message("a"), message("a"), message("a")
	notify[2] |= 4<<3 | 0x06 // AA and TC, which are not said again
	notify[3] = 0xff
	half = half[:len(half)-1]
	for range 0x102 - 1 {
		many = append(many, message("a")[12:]...)
	}
	many[4], many[5] = 1, 2
	own := message("b")
	own[2], own[3] = 0x04, 0xff
	failure := &transport.Error{Code: transport.CodePermissionDenied} // REFUSED, 5
	for name, c := range map[string]struct {
		req  *transport.Message
		body []byte
		want string
	}{
		"a request":             {parsed(message("a")), nil, "\x81\x05\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x10\x00\x01"},
		"another opcode":        {parsed(notify), nil, "\xa1\x05\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x10\x00\x01"},
		"half a question":       {parsed(half), nil, "\x81\x05\x00\x00\x00\x00\x00\x00\x00\x00"},
		"nothing that was read": {new(transport.Message), nil, "\x80\x05\x00\x00\x00\x00\x00\x00\x00\x00"},
		"a body of its own":     {parsed(message("a")), own, "\x84\xf5\x00\x01\x00\x00\x00\x00\x00\x00\x01b\x00\x00\x10\x00\x01"},
		"258 questions":         {parsed(many), nil, "\x81\x05\x01\x02\x00\x00\x00\x00\x00\x00" + string(many[12:])},
	} {
		got := behindOther(t, dnsmsg.TCP{}, c.req, &transport.Message{Err: failure, Body: c.body})
		if n := int(binary.BigEndian.Uint16(got)); n != len(got)-2 || string(got[4:]) != c.want {
			t.Errorf("%s, over TCP: %d bytes, %x, want %x", name, n, got[4:], c.want)
		}
		if name == "258 questions" { // more than a client over UDP takes
			continue
		}
		if got := behindOther(t, dnsmsg.UDP{}, c.req, &transport.Message{Err: failure, Body: c.body}); string(got[2:]) != c.want {
			t.Errorf("%s, over UDP: %x, want %x", name, got[2:], c.want)
		}
	}
}

// Bodies that are no answers are errors that say why; a header alone is one, and so is the largest message.
func TestBodiesThatAreNoAnswers(t *testing.T) {
	cut := message("example.org")
	for _, c := range []struct {
		name   string
		body   []byte
		failed bool
		want   string // "": it is one
	}{
		{"nothing", nil, false, "0 bytes, a header has 12"},
		{"less than a header", make([]byte, 11), false, "11 bytes, a header has 12"},
		{"a byte of an error", make([]byte, 1), true, "1 bytes, a header has 12"},
		{"a header", make([]byte, 12), false, ""},
		{"a header of an error", make([]byte, 12), true, ""},
		{"nothing of an error", nil, true, ""},
		{"the largest", make([]byte, 1<<16-1), false, ""},
		{"too large", make([]byte, 1<<16), false, "at most 65535 bytes, the answer has 65536"},
		{"half a question", cut[:len(cut)-1], false, "the answer: dnsmsg: a message that ends too early"},
	} {
		resp := &transport.Message{Body: c.body}
		if c.failed {
			resp.Err = &transport.Error{Code: transport.CodeInternal}
		}
		for _, p := range []transport.ServerProtocol{dnsmsg.UDP{}, dnsmsg.TCP{}} {
			_, err := p.AppendResponse(nil, 1, new(transport.Message), resp)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %T: %v, want %q", c.name, p, err, c.want)
			}
		}
	}
}

// A request may be a header alone, and as large as a message can be.
func TestSizesOfRequests(t *testing.T) {
	for n, ok := range map[int]bool{11: false, 12: true, 1<<16 - 1: true, 1 << 16: false} {
		for _, p := range []transport.Protocol{dnsmsg.UDP{}, dnsmsg.TCP{}} {
			if _, err := p.AppendRequest(nil, 1, &transport.Message{Body: make([]byte, n)}); (err == nil) != ok {
				t.Errorf("%d bytes, %T: %v", n, p, err)
			}
		}
	}
}

// The questions are kept for the answer, and count beside the message in which they came, as long as its call is in flight.
func TestQuestionsCount(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	s := serve(t, dnsmsg.MethodQuery, func(_ context.Context, r any) (any, error) {
		close(held)
		<-release
		return r, nil
	})
	m := message("example.org")
	question := m[12:]
	for n := 1; len(m)+len(question) < 60_000; n++ {
		m = append(m, question...)
		binary.BigEndian.PutUint16(m[4:], uint16(n+1))
	}
	nc, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if _, err := nc.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)); err != nil {
		t.Fatal(err)
	}
	bounded.Receive(t, held)
	if n := s.tcp.Stats().Bytes; n < int64(2*len(m)-12) {
		t.Errorf("%d bytes are in use, of a message of %d with its questions", n, len(m))
	}
	close(release)
	if _, _, err := (dnsmsg.TCP{}).Parse(nc); err != nil {
		t.Error(err)
	}
}
