package ttheader

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// echo is the beginning of a message, up to its struct.
func echo(kind, seq string) string {
	return "\x80\x01\x00" + kind + "\x00\x00\x00\x04Echo\x00\x00\x00" + seq
}

// full is a request of everything, to the byte.
const full = "\x00\x00\x00\x5b\x10\x00\x00\x01\x00\x00\x00\x07\x00\x10" + // length, magic, out of order, id, 16 words
	"\x00\x00" + // the binary protocol, no transforms
	"\x10\x00\x05" + "\x00\x03\x00\x01a" + "\x00\x06\x00\x01b" + "\x00\x09\x00\x04Echo" + "\x00\x02\x00\x03log" + "\x00\x0c\x00\x041500" +
	"\x01\x00\x02" + "\x00\x03isn\x00\x01c" + "\x00\x01k\x00\x01v" +
	"\x11\x00\x05token" +
	"\x00" + // padding
	"\x80\x01\x00\x01\x00\x00\x00\x04Echo\x00\x00\x00\x07" + "\x00"

// What is sent of a request in each form, behind another frame too.
func TestRequestsToTheByte(t *testing.T) {
	head := new(Head)
	head.Set(KeyLogID, "log")
	for name, c := range map[string]struct {
		p    Protocol
		req  *transport.Message
		want string
	}{
		"everything": {Protocol{Caller: "a", Callee: "b", Service: "c"}, &transport.Message{Method: "Echo", Timeout: 1500 * time.Millisecond, Tag: head,
			Metadata: transport.Metadata{"k": "v", MetadataACLToken: "token"}}, full},
		"a call, framed in a header": {Protocol{Form: FormTTHeaderFramed}, &transport.Message{Method: "Echo", Body: []byte{typeBool, 0, 1, 1, 0}},
			"\x00\x00\x00\x27\x10\x00\x00\x01\x00\x00\x00\x07\x00\x01" + "\x00\x00\x00\x00" + "\x00\x00\x00\x15" + echo("\x01", "\x07") + "\x02\x00\x01\x01\x00"},
		"a one-way call, framed": {Protocol{Form: FormFramed}, &transport.Message{Method: "Echo", OneWay: true}, "\x00\x00\x00\x11" + echo("\x04", "\x07") + "\x00"},
	} {
		for _, before := range []string{"", "another frame"} {
			if got, err := c.p.AppendRequest([]byte(before), 7, c.req); err != nil || string(got) != before+c.want {
				t.Errorf("%s behind %q: %v\n got %x\nwant %x", name, before, err, got, before+c.want)
			}
		}
	}
}

// What a Service reads of it.
func TestARequestOfEverythingIsRead(t *testing.T) {
	var req transport.Message
	if err := (Protocol{}).ParseRequest([]byte(full), &req); err != nil {
		t.Fatal(err)
	}
	if req.Method != "Echo" || req.OneWay || req.Timeout != 1500*time.Millisecond || string(req.Body) != "\x00" ||
		!maps.Equal(req.Metadata, transport.Metadata{"isn": "c", "k": "v", MetadataACLToken: "token"}) {
		t.Errorf("%+v", req)
	}
	got := make(map[uint16]string)
	maps.Insert(got, req.Tag.(*Head).All())
	if want := map[uint16]string{KeyFromService: "a", KeyToService: "b", KeyToMethod: "Echo", KeyLogID: "log"}; !maps.Equal(got, want) {
		t.Errorf("the numbers are %v, want %v", got, want)
	}
}

// What is sent of an answer to a request in each form, behind another frame too.
func TestAnswersToTheByte(t *testing.T) {
	head := new(Head)
	head.Set(KeyLogID, "x")
	failure := &transport.Error{Code: transport.CodeNotFound, Message: "why", NotRun: true}
	for name, c := range map[string]struct {
		form Form
		resp transport.Message
		want string
	}{
		"everything": {FormTTHeader, transport.Message{Tag: head, Metadata: transport.Metadata{"k": "v"}, GoingAway: true},
			"\x00\x00\x00\x3b\x10\x00\x00\x00\x00\x00\x00\x07\x00\x08" + "\x00\x00" + "\x10\x00\x01\x00\x02\x00\x01x" +
				"\x01\x00\x02\x00\x01k\x00\x01v\x00\x05crrst\x00\x011" + "\x00\x00\x00" + echo("\x02", "\x09") + "\x00"},
		"a business error": {FormTTHeader, transport.Message{Err: transport.Business(402, "no")},
			"\x00\x00\x00\x43\x10\x00\x00\x00\x00\x00\x00\x07\x00\x0a" + "\x00\x00" + "\x01\x00\x02\x00\x0abiz-status\x00\x03402\x00\x0bbiz-message\x00\x02no" + "\x00" + echo("\x02", "\x09") + "\x00"},
		"an exception": {FormTTHeader, transport.Message{Err: failure},
			"\x00\x00\x00\x50\x10\x00\x00\x00\x00\x00\x00\x07\x00\x09" + "\x00\x00" + "\x01\x00\x02\x00\x08mux-code\x00\x015\x00\x0bmux-not-run\x00\x011" + "\x00\x00" +
				echo("\x03", "\x09") + "\x0b\x00\x01\x00\x00\x00\x03why" + "\x08\x00\x02\x00\x00\x00\x06" + "\x00"},
		"framed in a header": {FormTTHeaderFramed, transport.Message{},
			"\x00\x00\x00\x23\x10\x00\x00\x00\x00\x00\x00\x07\x00\x01" + "\x00\x00\x00\x00" + "\x00\x00\x00\x11" + echo("\x02", "\x09") + "\x00"},
		"framed": {FormFramed, transport.Message{Body: []byte{typeBool, 0, 1, 1, 0}}, "\x00\x00\x00\x15" + echo("\x02", "\x09") + "\x02\x00\x01\x01\x00"},
		"an exception, framed": {FormFramed, transport.Message{Err: failure}, "\x00\x00\x00\x30" + echo("\x03", "\x09") + "\x0b\x00\x01\x00\x00\x00\x03why" +
			"\x08\x00\x02\x00\x00\x00\x06" + "\x08\x6d\x01\x00\x00\x00\x05" + "\x08\x6d\x04\x00\x00\x00\x01" + "\x00"},
		"a business error, framed": {FormFramed, transport.Message{Err: transport.Business(402, "no")}, "\x00\x00\x00\x33" + echo("\x03", "\x09") + "\x0b\x00\x01\x00\x00\x00\x02no" +
			"\x08\x00\x02\x00\x00\x00\x00" + "\x08\x6d\x01\x00\x00\x00\x11" + "\x0a\x6d\x02\x00\x00\x00\x00\x00\x00\x01\x92" + "\x00"},
	} {
		for _, before := range []string{"", "another frame"} {
			req := &transport.Message{Method: "Echo", Tag: &Head{form: c.form, seq: 9}}
			if got, err := (Protocol{}).AppendResponse([]byte(before), 7, req, &c.resp); err != nil || string(got) != before+c.want {
				t.Errorf("%s behind %q: %v\n got %x\nwant %x", name, before, err, got, before+c.want)
			}
		}
	}
	const plain = "\x00\x00\x00\x1f\x10\x00\x00\x00\x00\x00\x00\x09\x00\x01" + "\x00\x00\x00\x00"
	got, err := Protocol{}.AppendResponse(nil, 9, &transport.Message{Method: "Echo"}, &transport.Message{})
	if want := plain + echo("\x02", "\x09") + "\x00"; err != nil || string(got) != want {
		t.Errorf("to a request of which nothing is kept: %v\n got %x\nwant %x", err, got, want)
	}
}

// The name of the service that is asked is the Protocol's, whatever the metadata says; without one there it is metadata.
func TestTheServicesNameIsTheProtocols(t *testing.T) {
	for p, want := range map[Protocol]string{{Service: "c"}: "c", {}: "other"} {
		frame, err := p.AppendRequest(nil, 7, &transport.Message{Method: "Echo", Metadata: transport.Metadata{"isn": "other", "": "of no name"}})
		if err != nil {
			t.Fatal(err)
		}
		var req transport.Message
		if err := p.ParseRequest(frame, &req); err != nil || !maps.Equal(req.Metadata, transport.Metadata{"isn": want, "": "of no name"}) {
			t.Errorf("%+v: %q, %v, want %q", p, req.Metadata, err, want)
		}
	}
}

// What does not fit into an answer's header is an error, as of a request.
func TestAnswersThatCannotBeMade(t *testing.T) {
	for name, c := range map[string]struct {
		md   transport.Metadata
		want string // "": it can
	}{
		"a value":     {transport.Metadata{"n": strings.Repeat("v", 65536)}, `"n" has 65536 bytes`},
		"a token":     {transport.Metadata{MetadataACLToken: strings.Repeat("v", 65536)}, "has 65536 bytes"},
		"all of it":   {many(5, 60_000), "at most 262140 fit"},
		"less of it":  {many(4, 60_000), ""},
		"a long text": {transport.Metadata{"n": strings.Repeat("v", 65535)}, ""},
	} {
		_, err := Protocol{}.AppendResponse(nil, 1, &transport.Message{Tag: new(Head)}, &transport.Message{Metadata: c.md})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A Head has keys of two bytes and values of none, in the order in which they were set.
func TestPairsOfAHead(t *testing.T) {
	h := new(Head)
	h.Set(0x0102, "a")
	h.Set(0xff00, strings.Repeat("b", 0x0102))
	h.Set(KeyEnv, "")
	var keys []uint16
	for key := range h.All() {
		keys = append(keys, key)
	}
	if len(keys) != 3 || keys[0] != 0x0102 || keys[1] != 0xff00 || keys[2] != KeyEnv {
		t.Errorf("the keys are %#x", keys)
	}
	for key, want := range map[uint16]string{0x0102: "a", 0xff00: strings.Repeat("b", 0x0102), KeyEnv: ""} {
		if got, ok := h.Get(key); got != want || !ok {
			t.Errorf("%#x is %q, %v, want %q", key, got, ok, want)
		}
	}
	for key := range h.All() { // who has found what he looks for goes
		if key != 0x0102 {
			t.Errorf("%#x comes first", key)
		}
		break
	}
}

func TestIDsArePositive(t *testing.T) {
	if got := (Protocol{}).IDSpace(); got.Min != 1 || got.Max != math.MaxInt32 || got.Reserved != nil {
		t.Errorf("ids are %+v", got)
	}
}
