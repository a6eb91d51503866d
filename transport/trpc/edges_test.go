package trpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// A frame may be a header and nothing else.
func TestFramesOfAHeaderAlone(t *testing.T) {
	later := appendHeader(nil, frameStream, streamClose, 7, 1)
	if len(later) != headerSize {
		t.Fatalf("a header of %d bytes", len(later))
	}
	if kind := (Protocol{}).ClassifyRequest(7, later); kind != transport.RequestIgnored {
		t.Errorf("a later frame of a stream is a %v", kind)
	}
	call := appendHeader(nil, frameUnary, 0, 7, 1)
	binary.BigEndian.PutUint32(call[4:], headerSize)
	var req transport.Message
	if err := (Protocol{}).ParseRequest(call, &req); err == nil {
		t.Error("a request without a head is one")
	}
	if head := req.Tag.(*Head); head.version != 1 || head.stream {
		t.Errorf("it is answered as %+v", head)
	}
	if err := (Protocol{}).ParseResponse(call, new(transport.Message)); err != nil { // all zeros: a success
		t.Errorf("an answer without a head: %v", err)
	}
}

// Of a request that cannot be read the answer, and who counts it, are told what can be.
func TestWhatIsGleanedOfABadRequest(t *testing.T) {
	frame, err := Protocol{}.AppendRequest(nil, 7, &transport.Message{Method: "/s/M", OneWay: true})
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(frame[8:], uint16(len(frame))) // a head beyond the frame
	var req transport.Message
	if err := (Protocol{}).ParseRequest(frame, &req); err == nil || req.Method != "/s/M" || !req.OneWay {
		t.Errorf("%v, of the method %q, one way %v", err, req.Method, req.OneWay)
	}
	if head := req.Tag.(*Head); head.requestID != 7 || head.version != version1 || head.Callee != "s" {
		t.Errorf("it is answered as %+v", head)
	}
}

func TestPairsThatAreCutOff(t *testing.T) {
	whole := appendBytes(appendBytes(nil, 1, "a"), 2, "b")
	for n := range whole {
		var md transport.Metadata
		if err := addPair(&md, whole[:n]); (err == nil) != (n%3 == 0) {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
		request := (&requestHead{req: new(transport.Message)}).parse(appendAllBytes(nil, requestTransInfo, whole[:n]))
		response := new(responseHead).parse(appendAllBytes(nil, responseTransInfo, whole[:n]))
		if (request == nil) != (n%3 == 0) || (response == nil) != (n%3 == 0) {
			t.Errorf("in a head %d bytes of %d: %v, %v", n, len(whole), request, response)
		}
	}
	name := appendAllBytes(appendAllBytes(nil, 1, "\xff"), 2, "b")
	if err := new(responseHead).parse(appendAllBytes(nil, responseTransInfo, name)); !errors.Is(err, errProtobuf) {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
}

func TestLimitsOfThisProtocol(t *testing.T) {
	if got, want := (Protocol{}).IDSpace(), (muxpool.IDSpace{Min: 1, Max: math.MaxUint32}); !reflect.DeepEqual(got, want) {
		t.Errorf("ids are of %+v, want %+v", got, want)
	}
	for ret, want := range map[int32]transport.Code{99: transport.CodeUnknown, 100: transport.CodeInternal, 199: transport.CodeInternal, 200: transport.CodeUnknown} {
		if got := codeOf(ret); got != want {
			t.Errorf("code %d is %v, want %v", ret, got, want)
		}
	}
	for n, ok := range map[int]bool{headerSize - 1: false, headerSize: true, math.MaxUint32: true, math.MaxUint32 + 1: false} {
		if got, err := (Protocol{MaxFrame: n}).maxFrame(); (err == nil) != ok || ok && got != n {
			t.Errorf("MaxFrame %d: %d, %v", n, got, err)
		}
	}
}

// What an answer's head has beside what the Message has is handed on, however little.
func TestTheHeadOfAnAnswer(t *testing.T) {
	p := Protocol{ContentType: 5}
	for name, sent := range map[string]Head{
		"nothing else":           {ContentType: 5},
		"an attachment":          {ContentType: 5, Attachment: []byte("x")},
		"the type of a message":  {ContentType: 5, MessageType: 1},
		"another type of a body": {ContentType: 6},
	} {
		frame, err := p.AppendResponse(nil, 7, &transport.Message{Tag: &Head{version: 1}}, &transport.Message{Tag: &sent})
		if err != nil {
			t.Fatal(err)
		}
		var resp transport.Message
		if err := p.ParseResponse(frame, &resp); err != nil {
			t.Fatal(err)
		}
		head, _ := resp.Tag.(*Head)
		if name == "nothing else" {
			if head != nil {
				t.Errorf("an answer with %s has the head %+v", name, head)
			}
		} else if head == nil || head.ContentType != sent.ContentType || head.MessageType != sent.MessageType || string(head.Attachment) != string(sent.Attachment) {
			t.Errorf("an answer with %s has the head %+v", name, head)
		}
	}
}

// Frames that do not fit together are no answers, and neither are those of a foreign
// protocol.
func TestFramesThatAreNone(t *testing.T) {
	whole, err := Protocol{}.AppendResponse(nil, 7, &transport.Message{Tag: &Head{version: 1}}, &transport.Message{Body: []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"shorter than it says": func(b []byte) []byte { return b[:len(b)-1] },
		"less than a header":   func(b []byte) []byte { return b[:headerSize-1] },
		"foreign":              func(b []byte) []byte { b[0]++; return b },
		"a head beyond it":     func(b []byte) []byte { b[8] = 1; return b },
		"of a stream":          func(b []byte) []byte { b[2] = frameStream; return b },
	} {
		var failure *transport.Error
		if err := (Protocol{}).ParseResponse(change(bytes.Clone(whole)), new(transport.Message)); err == nil || errors.As(err, &failure) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := nextField(binary.AppendUvarint(nil, (maxFieldNumber+1)<<3)); err == nil {
		t.Error("a field has a number that protobuf does not allow")
	}
	if f, _, err := nextField(append(binary.AppendUvarint(nil, maxFieldNumber<<3), 1)); err != nil || f.number != maxFieldNumber {
		t.Errorf("the last field number: %d, %v", f.number, err)
	}
}

// An answer that has nothing to say in its head says that its version is 0, since trpc-go
// refuses a head of no bytes.
func TestTheLeastHead(t *testing.T) {
	for _, before := range []string{"", "another frame"} {
		frame, err := Protocol{}.AppendResponse([]byte(before), 0, &transport.Message{Tag: &Head{}}, &transport.Message{Body: []byte("body")})
		if err != nil {
			t.Fatal(err)
		}
		head, rest, err := split(frame[len(before):])
		if err != nil || !bytes.Equal(head, []byte{fieldVersion << 3, 0}) || string(rest) != "body" {
			t.Errorf("behind %q the head %x, the body %q, %v", before, head, rest, err)
		}
	}
}

// A frame's lengths fit to the last byte, and it is the same behind others.
func TestLengthsToTheBound(t *testing.T) {
	for head, want := range map[int]bool{0: true, math.MaxUint16: true, math.MaxUint16 + 1: false} {
		for _, before := range []string{"", "another frame"} {
			frame := append(appendHeader([]byte(before), frameUnary, 0, 7, version1), make([]byte, head)...)
			frame, err := finish(append(frame, "body"...), len(before), len(frame), 1<<20)
			if (err == nil) != want {
				t.Errorf("a head of %d bytes behind %q: %v", head, before, err)
			}
			if b, rest, err := split(frame[len(before):]); want && (err != nil || len(b) != head || string(rest) != "body") {
				t.Errorf("a head of %d bytes behind %q is one of %d, the body %q, %v", head, before, len(b), rest, err)
			}
		}
	}
	frame, err := finish(appendHeader(nil, frameUnary, 0, 7, version1), 0, headerSize, headerSize)
	if err != nil {
		t.Errorf("a frame as large as the limit: %v", err)
	}
	if _, err := finish(appendHeader(nil, frameUnary, 0, 7, version1), 0, headerSize, headerSize-1); !errors.Is(err, muxpool.ErrFrameTooLarge) {
		t.Errorf("a byte over the limit: %v", err)
	}
	for limit, want := range map[int]error{headerSize: nil, headerSize - 1: muxpool.ErrFrameTooLarge} {
		if n, err := totalLength(frame, limit); !errors.Is(err, want) || want == nil && n != headerSize {
			t.Errorf("of at most %d bytes: %d, %v", limit, n, err)
		}
	}
	frame[0]++
	if _, err := totalLength(frame, headerSize); err == nil {
		t.Error("another magic number")
	}
}

// What is no field is none of what is there before it either.
func TestFieldsToTheBound(t *testing.T) {
	tag := func(number uint64, wire uint64) []byte { return binary.AppendUvarint(nil, number<<3|wire) }
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{
		"the highest number":   {append(tag(maxFieldNumber, wireVarint), 0), true},
		"the next":             {append(tag(maxFieldNumber+1, wireVarint), 0), false},
		"number 0":             {append(tag(0, wireVarint), 0), false},
		"bytes":                {append(tag(1, wireBytes), 2, 'a', 'b'), true},
		"bytes, one missing":   {append(tag(1, wireBytes), 2, 'a'), false},
		"bytes, two missing":   {append(tag(1, wireBytes), 2), false},
		"a length cut off":     {append(tag(1, wireBytes), 0x80), false},
		"eight bytes":          {append(tag(1, wireFixed64), make([]byte, 8)...), true},
		"seven":                {append(tag(1, wireFixed64), make([]byte, 7)...), false},
		"four bytes":           {append(tag(1, wireFixed32), make([]byte, 4)...), true},
		"three":                {append(tag(1, wireFixed32), make([]byte, 3)...), false},
		"a number cut off":     {append(tag(1, wireVarint), 0x80), false},
		"nothing behind a tag": {tag(1, wireVarint), false},
		"a tag cut off":        {[]byte{0x80}, false},
		"an end without begin": {tag(1, wireGroupEnd), false},
		"wire type 6":          {tag(1, 6), false},
	} {
		_, rest, err := nextField(c.b[:len(c.b):len(c.b)])
		if (err == nil) != c.want || len(rest) != 0 {
			t.Errorf("%s: %v, %d bytes are left", name, err, len(rest))
		}
		head := append(appendBytes(nil, requestFunc, "/a/b"), c.b...)
		frame := append(appendHeader(nil, frameUnary, 0, 7, version1), head...)
		frame, err = finish(frame, 0, len(frame), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var failure *transport.Error
		if err := (Protocol{}).ParseRequest(frame, new(transport.Message)); (err == nil) != c.want || err != nil && (!errors.As(err, &failure) || failure.Code != transport.CodeInvalidArgument) {
			t.Errorf("a request with %s: %v", name, err)
		}
		head = append(appendBytes(nil, responseErrorMsg, "no"), c.b...)
		frame = append(appendHeader(nil, frameUnary, 0, 7, version1), head...)
		frame, err = finish(frame, 0, len(frame), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := (Protocol{}).ParseResponse(frame, new(transport.Message)); (err == nil) != c.want {
			t.Errorf("an answer with %s: %v", name, err)
		}
	}
}

func TestServicesOfMethods(t *testing.T) {
	for method, want := range map[string]string{"": "", "/": "", "//": "", "//M": "", "/a": "", "/a/": "a", "/a/M": "a", "/a.b.C/M": "a.b.C", "/a/b/M": "a/b", "a/M": ""} {
		if got := serviceOf(method); got != want {
			t.Errorf("%q is of %q, want %q", method, got, want)
		}
	}
}

// A pair's value is its bytes, whatever else has the number.
func TestPairsOfOddFields(t *testing.T) {
	var md transport.Metadata
	pair := appendAllBytes(appendAllBytes(nil, 1, "a"), 2, "b")
	pair = binary.AppendUvarint(append(pair, 2<<3|wireVarint), 7)
	pair = binary.AppendUvarint(append(pair, 1<<3|wireVarint), 7)
	if err := addPair(&md, appendAllBytes(pair, 3, "c")); err != nil || len(md) != 1 || md["a"] != "b" {
		t.Errorf("%v, %v", md, err)
	}
}

// A code that muxkit's servers would not send is passed over.
func TestCodesOfAnswers(t *testing.T) {
	for said, want := range map[string]transport.Code{"": transport.CodeUnimplemented, "5": 5, "x": transport.CodeUnimplemented, "261": transport.CodeUnimplemented, "-1": transport.CodeUnimplemented} {
		h := responseHead{ret: retOf(&transport.Error{Code: transport.CodeUnimplemented}), metadata: transport.Metadata{transport.MetadataCode: said}}
		if e := h.failure(); e == nil || e.Code != want {
			t.Errorf("%q: %v, want %v", said, e, want)
		}
	}
}

// What an answer says beside its body is read back.
func TestMarksOfAnAnswer(t *testing.T) {
	for _, c := range []transport.Message{{}, {GoingAway: true}, {Body: []byte("b")}, {GoingAway: true, Err: &transport.Error{Code: transport.CodeAborted, Message: "x", NotRun: true}}} {
		frame, err := Protocol{}.AppendResponse(nil, 7, &transport.Message{OneWay: true}, &c)
		if err != nil {
			t.Fatal(err)
		}
		var got transport.Message
		err = Protocol{}.ParseResponse(frame, &got)
		var failure *transport.Error
		if errors.As(err, &failure) != (c.Err != nil) || got.GoingAway != c.GoingAway || failure != nil && (failure.Code != c.Err.Code || !failure.NotRun) {
			t.Errorf("%+v came as %+v, %v", c, got, err)
		}
		head, _, err := split(frame)
		if err != nil {
			t.Fatal(err)
		}
		if f, _, err := nextField(head); err != nil || f.number != fieldCallType || f.n != callOneWay {
			t.Errorf("the answer to a one-way request begins with field %d, %d, %v", f.number, f.n, err)
		}
	}
}

// Whose a request is: what its Tag says, what the Protocol does, and the method's service last.
func TestTheCalleeOfARequest(t *testing.T) {
	for _, c := range []struct {
		tag  any
		p    Protocol
		want Head
	}{
		{nil, Protocol{}, Head{Callee: "s"}},
		{nil, Protocol{Caller: "me", Callee: "it", ContentType: 2}, Head{Caller: "me", Callee: "it", ContentType: 2}},
		{&Head{Caller: "I", Callee: "you", ContentType: 3}, Protocol{Caller: "me", Callee: "it", ContentType: 2}, Head{Caller: "I", Callee: "you", ContentType: 3}},
	} {
		h, err := c.p.requestHead(&transport.Message{Method: "/s/M", Tag: c.tag})
		if err != nil || !reflect.DeepEqual(h, c.want) {
			t.Errorf("%+v, %v; want %+v", h, err, c.want)
		}
	}
}

// The end of a stream says why, in any case.
func TestTheEndOfAStreamSaysWhy(t *testing.T) {
	for want, e := range map[string]*transport.Error{"streams are not supported": nil, "its own words": {Code: transport.CodeAborted, Message: "its own words"}} {
		frame, err := appendReset([]byte("another"), 7, version1, e, 1<<10)
		if err != nil || !bytes.HasSuffix(frame, []byte(want)) {
			t.Errorf("%q, %v", frame, err)
		}
		frame = frame[len("another"):]
		if total, head := binary.BigEndian.Uint32(frame[4:]), binary.BigEndian.Uint16(frame[8:]); int(total) != len(frame) || head != 0 || frame[2] != frameStream || frame[3] != streamClose {
			t.Errorf("%d bytes say that they are %d, with a head of %d", len(frame), total, head)
		}
	}
	if _, err := appendReset(nil, 7, version1, nil, headerSize); !errors.Is(err, muxpool.ErrFrameTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

// Of a bad request that is unary something is gleaned, of the beginning of a stream nothing; the byte that is for streams says nothing there.
func TestWhatIsGleanedOfWhichRequests(t *testing.T) {
	whole, err := Protocol{}.AppendRequest(nil, 7, &transport.Message{Method: "/s/M", Body: appendBytes(nil, requestFunc, "/not/it")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind, stream byte
		want         string
	}{{frameUnary, 0, "/s/M"}, {frameUnary, streamInit, "/s/M"}, {frameStream, 0, ""}, {frameStream, streamInit, ""}} {
		frame := bytes.Clone(whole)
		frame[2], frame[3] = c.kind, c.stream
		binary.BigEndian.PutUint32(frame[4:], uint32(len(frame))+1)
		var req transport.Message
		if err := (Protocol{}).ParseRequest(frame, &req); err == nil || req.Method != c.want || req.Tag.(*Head).stream != (c.kind == frameStream) {
			t.Errorf("of kind %d, %d: %v, of the method %q, %+v", c.kind, c.stream, err, req.Method, req.Tag)
		}
	}
}
