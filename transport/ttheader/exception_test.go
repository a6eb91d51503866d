package ttheader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// values are one of each type.
var values = map[byte][]byte{
	typeBool: {1}, typeByte: {1}, typeDouble: bytes.Repeat([]byte{1}, 8), typeI16: {1, 1}, typeI32: {1, 1, 1, 1}, typeI64: bytes.Repeat([]byte{1}, 8),
	typeString: {0, 0, 0, 1, 'x'}, typeStruct: {typeBool, 0, 1, 1, typeI16, 0, 2, 1, 1, typeStop}, typeUUID: bytes.Repeat([]byte{1}, 16),
	typeMap: {typeI32, typeBool, 0, 0, 0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, typeSet: {typeI16, 0, 0, 0, 2, 1, 1, 1, 1}, typeList: {typeString, 0, 0, 0, 1, 0, 0, 0, 1, 'x'},
}

// What has the number of an exception's field and another type, or the type and another number, is passed over, to the
// byte, and says nothing.
func TestOtherFieldsOfExceptions(t *testing.T) {
	own := map[uint16]byte{fieldMessage: typeString, fieldType: typeI32, fieldCode: typeI32, fieldStatus: typeI64, fieldRetry: typeI64, fieldFlags: typeI32}
	want := words{5, 402, 250, 7}
	whole := appendException(nil, "why", typeUnknownMethod, want)
	for kind, value := range values {
		for _, id := range []uint16{fieldMessage, fieldType, fieldCode, fieldStatus, fieldRetry, fieldFlags, 0, 9, 0x6d00, 0x6d05} {
			if own[id] == kind {
				continue
			}
			field := append(binary.BigEndian.AppendUint16([]byte{kind}, id), value...)
			var alone, behind, before exception
			if err := alone.parse(append(slices.Clone(field), typeStop)); err != nil || alone.message != nil || alone.kind != 0 || alone.words != (words{}) {
				t.Errorf("field %#x of type %d alone: %+v, %v", id, kind, alone, err)
			}
			if err := behind.parse(append(slices.Clone(field), whole...)); err != nil || string(behind.message) != "why" || behind.kind != typeUnknownMethod || behind.words != want {
				t.Errorf("behind field %#x of type %d: %+v, %v", id, kind, behind, err)
			}
			if err := before.parse(append(append(slices.Clone(whole[:len(whole)-1]), field...), typeStop)); err != nil || string(before.message) != "why" || before.words != want {
				t.Errorf("before field %#x of type %d: %+v, %v", id, kind, before, err)
			}
			for n := range len(field) {
				if err := new(exception).parse(field[:n]); err == nil {
					t.Errorf("of field %#x of type %d %d bytes of %d are enough", id, kind, n, len(field))
				}
			}
		}
	}
	for n := range len(whole) {
		if err := new(exception).parse(slices.Clip(whole[:n])); err == nil {
			t.Errorf("of an exception %d bytes of %d are enough", n, len(whole))
		}
	}
}

// Whatever lies in each other, and wherever in it, no more than so many do.
func TestHowDeepExceptionsMayBe(t *testing.T) {
	for name, c := range map[string]struct {
		kind                  byte
		opened, least, closed []byte
	}{
		"lists":          {typeList, []byte{typeList, 0, 0, 0, 1}, []byte{typeBool, 0, 0, 0, 0}, nil},
		"sets":           {typeSet, []byte{typeSet, 0, 0, 0, 1}, []byte{typeBool, 0, 0, 0, 0}, nil},
		"keys of maps":   {typeMap, []byte{typeMap, typeBool, 0, 0, 0, 1}, []byte{typeBool, typeBool, 0, 0, 0, 0}, []byte{1}},
		"values of maps": {typeMap, []byte{typeBool, typeMap, 0, 0, 0, 1, 1}, []byte{typeBool, typeBool, 0, 0, 0, 0}, nil},
		"structs":        {typeStruct, []byte{typeStruct, 0, 1}, []byte{typeStop}, []byte{typeStop}},
	} {
		for n, ok := range map[int]bool{1: true, deepest: true, deepest + 1: false, 40: false} {
			b := slices.Concat([]byte{c.kind, 0, 9}, bytes.Repeat(c.opened, n), c.least, bytes.Repeat(c.closed, n), []byte{typeStop})
			if err := new(exception).parse(b); (err == nil) != ok {
				t.Errorf("%d %s in each other: %v", n, name, err)
			}
		}
	}
}

// A type is the service's own number if it fits, and the error is not one of the business.
func TestTypesOfErrors(t *testing.T) {
	most, least := math.MaxInt32, math.MinInt32
	for _, c := range []struct {
		e    transport.Error
		want int32
	}{
		{transport.Error{Code: transport.CodeNotFound, Status: 5}, 5},
		{transport.Error{Code: transport.CodeNotFound, Status: -1}, -1},
		{transport.Error{Code: transport.CodeNotFound, Status: most}, math.MaxInt32},
		{transport.Error{Code: transport.CodeNotFound, Status: least}, math.MinInt32},
		{transport.Error{Code: transport.CodeNotFound, Status: most + 1}, typeInternalError},
		{transport.Error{Code: transport.CodeNotFound, Status: least - 1}, typeInternalError},
		{transport.Error{Code: transport.CodeNotFound}, typeInternalError},
		{transport.Error{Code: transport.CodeBusiness, Status: 5}, typeUnknown},
		{transport.Error{Code: transport.CodeUnimplemented}, typeUnknownMethod},
		{transport.Error{Code: transport.CodeFailedPrecondition}, typeProtocolError},
		{transport.Error{}, typeUnknown},
	} {
		if got := typeOf(&c.e); got != c.want {
			t.Errorf("%+v is of type %d, want %d", c.e, got, c.want)
		}
	}
}

// A code beside the type counts, in the metadata or in a field, if it is one that travels.
func TestCodesBesideTypes(t *testing.T) {
	for said, want := range map[string]transport.Code{"": transport.CodeUnimplemented, "5": 5, "14": 14, "0": transport.CodeUnimplemented, "200": transport.CodeUnknown,
		"261": transport.CodeUnimplemented, "x": transport.CodeUnimplemented, "-1": transport.CodeUnimplemented} {
		resp := &transport.Message{Metadata: transport.Metadata{transport.MetadataCode: said}}
		if e := (&exception{kind: typeUnknownMethod}).failure(resp); e.Code != want || e.Status != typeUnknownMethod {
			t.Errorf("in the metadata %q: %+v, want %v", said, e, want)
		}
	}
	for said, want := range map[uint32]transport.Code{0: transport.CodeUnimplemented, 5: 5, 14: 14, 200: transport.CodeUnknown, 255: transport.CodeUnknown, 256: transport.CodeUnknown, math.MaxUint32: transport.CodeUnknown} {
		var x exception
		if err := x.parse(append(appendI32(appendI32(nil, fieldType, typeUnknownMethod), fieldCode, said), typeStop)); err != nil {
			t.Fatal(err)
		}
		if e := x.failure(new(transport.Message)); e.Code != want {
			t.Errorf("in a field %d: %+v, want %v", said, e, want)
		}
	}
}

// What an exception does not say beside its type and text is not there.
func TestWhatAnExceptionDoesNotSay(t *testing.T) {
	resp, err := answerTo(t, FormFramed, &transport.Message{Err: &transport.Error{Code: transport.CodeUnavailable}})
	var e *transport.Error
	if !errors.As(err, &e) || e.NotRun || len(resp.Metadata) != 0 || resp.GoingAway {
		t.Errorf("%+v, %v", resp, err)
	}
	for ms, want := range map[int64]string{-5: "", 0: "", 1: "1", 250: "250"} {
		x, resp := exception{words: words{retry: ms}}, new(transport.Message)
		_ = x.failure(resp)
		if got, ok := resp.Metadata[transport.MetadataRetryAfter]; got != want || ok != (want != "") {
			t.Errorf("%d ms are %q, %v, want %q", ms, got, ok, want)
		}
	}
	for _, ms := range []string{"1", "250"} {
		resp, _ := answerTo(t, FormFramed, &transport.Message{Err: &transport.Error{Code: transport.CodeUnavailable}, Metadata: transport.Metadata{transport.MetadataRetryAfter: ms}})
		if got := resp.Get(transport.MetadataRetryAfter); got != ms {
			t.Errorf("%s ms come as %q", ms, got)
		}
	}
}

// A header tells of a business error by a number that is one, and not 0; an error whose number does not fit has another.
func TestNumbersOfBusinessErrors(t *testing.T) {
	for said, want := range map[string]int{"": 0, "0": 0, "x": 0, "2147483648": 0, "-2147483649": 0, "1": 1, "402": 402, "2147483647": math.MaxInt32, "-2147483648": math.MinInt32} {
		i := info{bizStatus: said, biz: "no"}
		if e := i.business(); (e != nil) != (want != 0) || e != nil && (e.Status != want || e.Message != "no" || !e.Business()) {
			t.Errorf("%q: %+v, want the number %d", said, e, want)
		}
	}
	most, least := math.MaxInt32, math.MinInt32
	for status, want := range map[int]int{most + 1: 1, least - 1: 1, 0: 1, most: most, least: least, 2: 2} {
		_, err := answerTo(t, FormTTHeader, &transport.Message{Err: transport.Business(status, "no")})
		var e *transport.Error
		if !errors.As(err, &e) || e.Status != want {
			t.Errorf("the number %d comes as %v, want %d", status, err, want)
		}
	}
}

// Of a request as much is told to its answer as has come: the form, an id, and the method.
func TestWhatIsGleanedOfRequests(t *testing.T) {
	for name, form := range forms {
		for _, oneWay := range []bool{false, true} {
			frame := requestOf(t, form)
			message := lengthSize
			if form != FormFramed {
				message = headerBeginning + 4*int(binary.BigEndian.Uint16(frame[12:]))
			}
			knowsForm, readable := leastFramed, message+messageHead+len("Echo")
			if form == FormTTHeaderFramed {
				knowsForm, readable = message+beginning, readable+lengthSize
				message += lengthSize
			}
			if oneWay {
				frame[message+3] = messageOneWay
			}
			for n := range frame {
				var want Head
				if n >= leastFramed && form != FormFramed {
					want.seq = 0x87654321
				}
				if n >= knowsForm {
					want.form = form
				}
				method := ""
				if n >= readable {
					want.seq, method = 7, "Echo"
				}
				var req transport.Message
				err := Protocol{}.ParseRequest(slices.Clip(frame[:n]), &req)
				if head := req.Tag.(*Head); err == nil || head.form != want.form || head.seq != want.seq || req.Method != method || req.OneWay != (oneWay && method != "") {
					t.Errorf("%s, %d bytes of %d: form %d, id %#x, method %q, one-way %v, %v; want form %d, id %#x, method %q", name, n, len(frame), head.form, head.seq, req.Method, req.OneWay, err, want.form, want.seq, method)
				}
			}
		}
	}
}

// The least frame is a message whose method has no name, and whose struct has not come.
func TestTheLeastFrame(t *testing.T) {
	frame := appendMessage(make([]byte, lengthSize), messageCall, "", 7)
	if err := endFrame(frame, 0); err != nil || len(frame) != leastFramed {
		t.Fatalf("%d bytes, %v", len(frame), err)
	}
	var req transport.Message
	if err := (Protocol{}).ParseRequest(frame, &req); err != nil || req.Method != "" || len(req.Body) != 0 {
		t.Errorf("%+v, %v", req, err)
	}
	longer := append(slices.Clone(frame), typeStop)
	if err := endFrame(longer, 0); err != nil {
		t.Fatal(err)
	}
	req = transport.Message{}
	if err := (Protocol{}).ParseRequest(longer[:leastFramed], &req); err == nil || req.Tag.(*Head).form != FormFramed || req.Tag.(*Head).seq != 7 {
		t.Errorf("cut by a byte: %+v, %v", req.Tag, err)
	}
	if err := (Protocol{}).ParseResponse(frame[:leastFramed-1], new(transport.Message)); err == nil || !strings.Contains(err.Error(), "a frame of 15 bytes") {
		t.Errorf("a byte less: %v", err)
	}
}
