package ttheader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
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

// requestOf is a frame as Kitex's client makes it: metadata, numbers, two ids that differ.
func requestOf(t *testing.T, form Form) []byte {
	t.Helper()
	head := new(Head)
	head.Set(KeyLogID, "log")
	req := &transport.Message{Method: "Echo", Body: []byte{typeBool, 0, 1, 1, typeStop}, Metadata: transport.Metadata{"name": "value"}, Tag: head, Timeout: 1500e6}
	frame, err := Protocol{Form: form}.AppendRequest(nil, 7, req)
	if err != nil {
		t.Fatal(err)
	}
	if form != FormFramed {
		binary.BigEndian.PutUint32(frame[8:], 0x87654321)
	}
	return frame
}

var forms = map[string]Form{"TTHeader": FormTTHeader, "TTHeader framed": FormTTHeaderFramed, "framed": FormFramed}

// Both ids of a request come back in its answer, whatever they are, and in its form.
func TestBothIDsComeBack(t *testing.T) {
	for name, form := range forms {
		for _, id := range []uint32{0, 1, 0x87654321, 0xffffffff} {
			frame := requestOf(t, form)
			wantSeq := uint32(7)
			if form == FormFramed {
				binary.BigEndian.PutUint32(frame[16:], id)
				wantSeq = id
			} else {
				binary.BigEndian.PutUint32(frame[8:], id)
			}
			got, cut, err := Protocol{}.Parse(pooled(frame))
			if err != nil || got != id {
				t.Fatalf("%s: Parse gives %#x, %v", name, got, err)
			}
			var req transport.Message
			if err := (Protocol{}).ParseRequest(cut, &req); err != nil {
				t.Fatal(err)
			}
			answer, err := Protocol{}.AppendResponse(nil, id, &req, &transport.Message{Body: []byte{typeStop}})
			if err != nil {
				t.Fatal(err)
			}
			back, _, err := Protocol{}.Parse(pooled(answer))
			if err != nil || back != id || isHeader(answer) != (form != FormFramed) {
				t.Errorf("%s: the answer has the id %#x, %v", name, back, err)
			}
			m := answer[lengthSize:]
			if form != FormFramed {
				h, err := cutHeader(answer)
				if err != nil {
					t.Fatal(err)
				}
				framed := false
				if m, framed, err = unframe(h.payload); err != nil || framed != (form == FormTTHeaderFramed) {
					t.Fatalf("%s: framed %v, %v", name, framed, err)
				}
			}
			if m, err := cutMessage(m); err != nil || m.seq != wantSeq || m.kind != messageReply || string(m.method) != "Echo" {
				t.Errorf("%s: the answer's message is %+v, %v", name, m, err)
			}
		}
	}
}

// Every frame that ends too early is waited for by Parse, and refused by what reads messages.
func TestTruncatedFrames(t *testing.T) {
	for name, form := range forms {
		frame := requestOf(t, form)
		for n := 1; n < len(frame); n++ {
			if _, _, err := (Protocol{}).Parse(pooled(frame[:n])); err != io.ErrUnexpectedEOF {
				t.Errorf("%s: %d bytes give %v", name, n, err)
			}
			var req transport.Message
			err := Protocol{}.ParseRequest(frame[:n], &req)
			var e *transport.Error
			if !errors.As(err, &e) || e.Code != transport.CodeInvalidArgument {
				t.Errorf("%s: a request of %d bytes gives %v", name, n, err)
			}
			if err := (Protocol{}).ParseResponse(frame[:n], new(transport.Message)); err == nil {
				t.Errorf("%s: an answer of %d bytes is taken", name, n)
			}
			// A whole frame, as it says, whose inside is cut.
			short := bytes.Clone(frame[:n])
			if n >= leastFramed {
				binary.BigEndian.PutUint32(short, uint32(n-lengthSize))
				_ = Protocol{}.ParseRequest(short, &req)
				if err := (Protocol{}).ParseResponse(short, new(transport.Message)); err == nil {
					t.Errorf("%s: an answer whose inside is cut at %d is taken", name, n)
				}
			}
		}
	}
}

// What lies about lengths, or is another protocol, is refused with an error that names it.
func TestRefusedFrames(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"HTTP":               {[]byte("GET /"), `begins with "GET "`},
		"longest":            {[]byte{0x40, 0, 0, 0}, "1073741828 bytes, at most 1073741827"},
		"shorter than all":   {[]byte{0, 0, 0, 11}, "15 bytes"},
		"TTHeader too short": {[]byte{0, 0, 0, 25, 0x10, 0, 0, 0}, "25 bytes, at least 26"},
		"compact":            {[]byte{0, 0, 1, 0, 0x82, 0x21, 1, 1}, "compact"},
		"not strict":         {[]byte{0, 0, 1, 0, 0, 0, 0, 4}, "not strict"},
		"Protobuf":           {[]byte{0, 0, 1, 0, 0x90, 1, 0, 1}, "Protobuf"},
		"old mesh header":    {[]byte{0, 0, 1, 0, 0xff, 0xaf, 0, 1}, "mesh header"},
		"longest method":     {[]byte{0, 0, 1, 0, 0x80, 1, 0, 1, 0xff, 0xff, 0xff, 0xff}, "4294967295 bytes, at most 4096"},
		"method too long":    {[]byte{0, 0, 0, 20, 0x80, 1, 0, 1, 0, 0, 0, 9}, "9 bytes where 8 are left"},
		"no room for one":    {[]byte{0, 0, 0, 12, 0x80, 1, 0, 1, 0, 0, 0, 1}, "1 bytes where 0 are left"},
	} {
		endless := io.MultiReader(bytes.NewReader(c.bytes), iotest.ErrReader(errors.New("read on")))
		r := wire.NewReader(endless, 0)
		r.BeginFrame()
		if _, _, err := (Protocol{}).Parse(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// change is a whole frame in which one thing is wrong.
func change(b []byte, at int, to ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], to)
	return b
}

// A request whose header or message is wrong is answered in its form, to its ids, with the
// exception that says what it is.
func TestWrongRequestsAreAnswered(t *testing.T) {
	frame := requestOf(t, FormTTHeaderFramed)
	info := headerBeginning + 2
	payload := headerBeginning + 4*int(binary.BigEndian.Uint16(frame[12:]))
	message := payload + lengthSize
	bare := requestOf(t, FormTTHeader)
	empty := []byte{0, 0, 0, 26, 0x10, 0, 0, 0, 0x87, 0x65, 0x43, 0x21, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for name, c := range map[string]struct {
		frame []byte
		kind  int32
		seq   uint32
		text  string
	}{
		"no words":         {change(frame, 12, 0, 0), typeProtocolError, 0x87654321, "no words"},
		"too many words":   {change(frame, 12, 0xff, 0xff), typeProtocolError, 0x87654321, "262140 bytes"},
		"compact":          {change(frame, 14, 2), typeInvalidProtocol, 0x87654321, "the protocol 2"},
		"transforms":       {change(frame, 15, 1), typeInvalidTransform, 0x87654321, "1 transforms"},
		"streaming":        {change(frame, 7, 3), typeUnsupportedClient, 0x87654321, "streaming"},
		"a block of none":  {change(frame, info, 0x77), typeProtocolError, 7, "kind 0x77"},
		"pairs beyond it":  {change(frame, info+1, 0xff, 0xff), typeProtocolError, 7, "a TTHeader"},
		"framed lies":      {change(frame, payload, 0, 0, 1, 0), typeProtocolError, 7, "256 bytes"},
		"no message":       {change(frame, message, 0x70), typeInvalidProtocol, 0x87654321, "something else"},
		"an unknown type":  {change(frame, message+3, 9), typeMessageType, 7, "type 9"},
		"method beyond it": {change(frame, message+4, 0, 0, 0, 99), typeProtocolError, 0x87654321, "99 bytes"},
		"nor is it framed": {change(bare, headerBeginning+4*int(binary.BigEndian.Uint16(bare[12:])), 0x70), typeInvalidProtocol, 0x87654321, "begins with 0x7001"},
		"words only":       {empty, typeProtocolError, 0x87654321, "a TTHeader's payload of 0 bytes"},
	} {
		var req transport.Message
		err := Protocol{}.ParseRequest(c.frame, &req)
		var e *transport.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.text) || strings.LastIndex(e.Message, "ttheader: ") != 0 || req.OneWay {
			t.Errorf("%s: %v, one-way %v", name, err, req.OneWay)
			continue
		}
		answer, err := Protocol{}.AppendResponse(nil, 0x87654321, &req, &transport.Message{Err: e})
		if err != nil {
			t.Fatal(err)
		}
		h, err := cutHeader(answer)
		if err != nil || h.id != 0x87654321 {
			t.Fatalf("%s: %+v, %v", name, h, err)
		}
		b, _, err := unframe(h.payload)
		if err != nil {
			t.Fatal(err)
		}
		m, err := cutMessage(b)
		if err != nil || m.kind != messageException || m.seq != c.seq {
			t.Errorf("%s: the answer is %+v, %v", name, m, err)
		}
		var x exception
		if err := x.parse(m.body); err != nil || x.kind != c.kind {
			t.Errorf("%s: the exception is %+v, %v", name, x, err)
		}
	}
	for _, kind := range []byte{messageReply, messageException} { // may come back, if it were answered
		var req transport.Message
		if err := (Protocol{}).ParseRequest(change(frame, message+3, kind), &req); err == nil || !req.OneWay {
			t.Errorf("a message of type %d: %v, one-way %v", kind, err, req.OneWay)
		}
	}
}

// An answer to something else fails its call alone.
func TestWrongAnswers(t *testing.T) {
	var req transport.Message
	if err := (Protocol{}).ParseRequest(requestOf(t, FormTTHeader), &req); err != nil {
		t.Fatal(err)
	}
	req.Tag.(*Head).seq = 0x87654321
	frame, err := Protocol{}.AppendResponse(nil, 0x87654321, &req, &transport.Message{Body: []byte{typeStop}})
	if err != nil {
		t.Fatal(err)
	}
	message := headerBeginning + 4*int(binary.BigEndian.Uint16(frame[12:]))
	if err := (Protocol{}).ParseResponse(frame, &transport.Message{Method: "Echo"}); err != nil {
		t.Fatal(err)
	}
	if err := (Protocol{}).ParseResponse(frame, &transport.Message{Method: "Price:Echo"}); err != nil {
		t.Errorf("as of a TMultiplexedProcessor: %v", err)
	}
	for name, c := range map[string]struct {
		frame  []byte
		method string
		want   string
	}{
		"another id":     {change(frame, message+12, 0, 0, 0, 9), "Echo", "a message with the id 9"},
		"another method": {frame, "Ech", `one to "Echo"`},
		"a call":         {change(frame, message+3, messageCall), "Echo", "type 1"},
		"half a name":    {frame, "XEcho", `one to "Echo"`},
		"a bad block":    {change(frame, headerBeginning+2, 0x77), "Echo", "kind 0x77"},
		"a stream's":     {change(frame, 7, 2), "Echo", "streaming"},
		"no exception":   {change(change(frame, message+3, messageException), len(frame)-1, 5), "Echo", "cannot be read"},
	} {
		var e *transport.Error
		if err := (Protocol{}).ParseResponse(c.frame, &transport.Message{Method: c.method}); err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A frame with the id 0 belongs to no call; that of Kitex's mux says that its server goes.
func TestControlFrames(t *testing.T) {
	s := pairs{dst: appendHeader(nil, 0, 0)}
	s.add(metaReset, "1")
	b, err := s.end(nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = endHeader(b, 0); err != nil {
		t.Fatal(err)
	}
	b = appendStruct(appendMessage(b, messageReply, "none", 0), nil)
	if err := endFrame(b, 0); err != nil {
		t.Fatal(err)
	}
	p := Protocol{}
	if kind := p.ClassifyFrame(0, b); kind != muxpool.FrameGoingAway {
		t.Errorf("it is %d", kind)
	}
	if kind := p.ClassifyFrame(1, b); kind != muxpool.FrameLast {
		t.Errorf("with the id of a call it is %d", kind)
	}
	for name, frame := range map[string][]byte{"another": requestOf(t, FormTTHeader), "framed": requestOf(t, FormFramed), "cut": b[:len(b)-1], "beginning": b[:12],
		"one with transforms": change(b, 15, 1), "one with a bad block behind": change(b, headerBeginning+2+3+2+len(metaReset)+2+1, 0x77)} {
		if kind := p.ClassifyFrame(0, frame); kind != muxpool.FrameUnsolicited {
			t.Errorf("%s is %d", name, kind)
		}
	}
}

// Who does not know yet how long a frame is says so.
func TestMeasure(t *testing.T) {
	for name, form := range forms {
		frame := requestOf(t, form)
		id, _ := idOf(frame)
		least := 12
		if form == FormFramed {
			least = framedBeginning + len("Echo") + 4
		}
		for n := range frame {
			got, total, ok := Protocol{}.Measure(frame[:n])
			if ok != (n >= least) || ok && (got != id || total != int64(len(frame))) {
				t.Errorf("%s, of %d bytes: id %d, %d bytes, %v", name, n, got, total, ok)
			}
		}
	}
	if _, _, ok := (Protocol{}).Measure(change(requestOf(t, FormFramed), lengthSize, 0x82, 0x21)); ok { // the compact protocol
		t.Error("what is no frame has a length")
	}
}

// Of a frame over the limit a Service sees the beginning only: the answer needs its ids.
func TestRequestsOfWhichTheBeginningIsThere(t *testing.T) {
	for name, form := range forms {
		frame := requestOf(t, form)
		var req transport.Message
		if err := (Protocol{}).ParseRequest(frame[:len(frame)-2], &req); err == nil {
			t.Fatal("it was taken")
		}
		if head := req.Tag.(*Head); head.form != form || head.seq != 7 || req.Method != "Echo" || req.OneWay {
			t.Errorf("%s: %+v, %+v", name, head, req)
		}
	}
}
