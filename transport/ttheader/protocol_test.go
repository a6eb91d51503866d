package ttheader

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// answerTo sends resp through an answer to a request of a form, and returns what a client makes
// of it.
func answerTo(t *testing.T, form Form, resp *transport.Message) (*transport.Message, error) {
	t.Helper()
	p := Protocol{Form: form}
	frame, err := p.AppendRequest(nil, 1, &transport.Message{Method: "Echo"})
	if err != nil {
		t.Fatal(err)
	}
	var req transport.Message
	if err := p.ParseRequest(frame, &req); err != nil {
		t.Fatal(err)
	}
	if frame, err = p.AppendResponse(nil, 1, &req, resp); err != nil {
		t.Fatal(err)
	}
	got := &transport.Message{Method: "Echo", Tag: new(Head)} // the request's
	return got, p.ParseResponse(frame, got)
}

// The table of docs/protocols-ttheader.md: what a Service sends for a Code; between muxkit and
// muxkit no code is lost, in any form, and neither is what its transport says.
func TestCodes(t *testing.T) {
	kinds := map[transport.Code]int{
		transport.CodeUnknown: 0, transport.CodeUnimplemented: 1, transport.CodeInvalidArgument: 7, transport.CodeOutOfRange: 7, transport.CodeFailedPrecondition: 7,
	}
	for name, form := range forms {
		for code := transport.CodeCanceled; code <= transport.CodeTooLarge; code++ {
			if code == transport.CodeBusiness {
				continue
			}
			want, ok := kinds[code]
			if !ok {
				want = typeInternalError
			}
			for _, notRun := range []bool{false, true} {
				_, err := answerTo(t, form, &transport.Message{Err: &transport.Error{Code: code, Message: "why", NotRun: notRun}})
				var e *transport.Error
				if !errors.As(err, &e) || e.Code != code || e.Status != want || e.Message != "why" || e.NotRun != notRun {
					t.Errorf("%s: %v comes back as %+v", name, code, err)
				}
			}
		}
		md := transport.Metadata{transport.MetadataRetryAfter: "250", transport.MetadataNoRetry: "1"}
		resp, err := answerTo(t, form, &transport.Message{Err: &transport.Error{Code: transport.CodeUnavailable}, Metadata: md, GoingAway: true})
		if err == nil || !resp.GoingAway || resp.Get(transport.MetadataRetryAfter) != "250" || resp.Get(transport.MetadataNoRetry) != "1" {
			t.Errorf("%s: %+v, %v", name, resp, err)
		}
	}
}

// The types of others' exceptions, none of which says that a call was not run.
func TestTypes(t *testing.T) {
	for kind, want := range map[int32]transport.Code{
		0: transport.CodeUnknown, 1: transport.CodeUnimplemented, 2: transport.CodeInvalidArgument, 3: transport.CodeInternal, 4: transport.CodeInternal,
		5: transport.CodeInternal, 6: transport.CodeInternal, 7: transport.CodeInvalidArgument, 8: transport.CodeInvalidArgument, 9: transport.CodeInvalidArgument,
		10: transport.CodeInvalidArgument, 11: transport.CodeInvalidArgument, 20: transport.CodeUnimplemented, 21: transport.CodeInvalidArgument,
		12: transport.CodeUnknown, math.MaxInt32: transport.CodeUnknown, math.MinInt32: transport.CodeUnknown,
	} {
		e := (&exception{kind: kind}).failure(new(transport.Message))
		if e.Code != want || e.Status != int(kind) || e.NotRun {
			t.Errorf("type %d is %+v, not %v", kind, e, want)
		}
	}
	_, err := answerTo(t, FormFramed, &transport.Message{Err: &transport.Error{Status: 1000, Message: "own"}})
	var e *transport.Error
	if !errors.As(err, &e) || e.Status != 1000 || e.Code != transport.CodeUnknown {
		t.Errorf("a type of the service's own: %+v", err)
	}
}

// A business error never passes for an exception with its number, and has a body where there is
// a header.
func TestBusinessErrors(t *testing.T) {
	for name, form := range forms {
		for _, status := range []int{1, 6, 402, -1, math.MaxInt32, math.MinInt32} {
			resp, err := answerTo(t, form, &transport.Message{Err: transport.Business(status, "no"), Body: []byte{typeBool, 0, 1, 1, typeStop},
				Metadata: transport.Metadata{MetadataBizExtra: `{"k":"v"}`}})
			var e *transport.Error
			if !errors.As(err, &e) || !e.Business() || e.Status != status || e.Message != "no" {
				t.Errorf("%s: the status %d is %+v", name, status, err)
			}
			if form != FormFramed && (len(resp.Body) != 5 || !maps.Equal(resp.Metadata, transport.Metadata{MetadataBizExtra: `{"k":"v"}`})) {
				t.Errorf("%s: the answer is %+v", name, resp)
			}
		}
		_, err := answerTo(t, form, &transport.Message{Err: transport.Business(0, "no")})
		var e *transport.Error
		if !errors.As(err, &e) || !e.Business() {
			t.Errorf("%s: without a number: %+v", name, err)
		}
	}
}

// A client finds a Head where the answer has pairs with numbers, and only there.
func TestHeadsOfAnswers(t *testing.T) {
	head := new(Head)
	head.Set(KeyLogID, "log")
	for _, form := range []Form{FormTTHeader, FormTTHeaderFramed} {
		resp, err := answerTo(t, form, &transport.Message{Tag: head})
		if got, ok := resp.Tag.(*Head); err != nil || !ok {
			t.Errorf("with one: %v, %v", resp.Tag, err)
		} else if v, _ := got.Get(KeyLogID); v != "log" {
			t.Errorf("its log id is %q", v)
		}
		if resp, err := answerTo(t, form, &transport.Message{}); err != nil || resp.Tag != nil {
			t.Errorf("without one: %v, %v", resp.Tag, err)
		}
	}
}

// What is the protocol's own is no metadata: who passes on the metadata of another call does not
// say that it failed, or that its server goes.
func TestOwnNamesAreNotPassedOn(t *testing.T) {
	md := transport.Metadata{"crrst": "1", "biz-status": "5", "biz-message": "no", "name": "value", MetadataACLToken: "token"}
	for _, form := range []Form{FormTTHeader, FormTTHeaderFramed} {
		resp, err := answerTo(t, form, &transport.Message{Metadata: md})
		if err != nil || resp.GoingAway || !maps.Equal(resp.Metadata, transport.Metadata{"name": "value", MetadataACLToken: "token"}) {
			t.Errorf("%+v, %v", resp, err)
		}
	}
}

// What a frame would lie about is an error before anything is sent.
func TestRequestsThatCannotBeMade(t *testing.T) {
	for name, c := range map[string]struct {
		p    Protocol
		req  transport.Message
		want string
	}{
		"method":   {Protocol{}, transport.Message{Method: strings.Repeat("m", maxMethod+1)}, "4097 bytes, at most 4096"},
		"value":    {Protocol{}, transport.Message{Metadata: transport.Metadata{"n": strings.Repeat("v", 65536)}}, `"n" has 65536 bytes`},
		"metadata": {Protocol{}, transport.Message{Metadata: many(5, 60_000)}, "at most 262140 fit"},
		"tag":      {Protocol{}, transport.Message{Tag: "a string"}, "a request's Tag is a string"},
		"form":     {Protocol{Form: 9}, transport.Message{}, "Form is 9"},
	} {
		if _, err := c.p.AppendRequest(nil, 1, &c.req); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range []*transport.Message{{Metadata: many(4, 60_000)}, {Method: strings.Repeat("m", maxMethod)}} {
		if _, err := (Protocol{}).AppendRequest(nil, 1, m); err != nil {
			t.Error(err)
		}
	}
}

func many(pairs, bytes int) transport.Metadata {
	md := make(transport.Metadata)
	for i := range pairs {
		md[string(rune('a'+i))] = strings.Repeat("v", bytes)
	}
	return md
}

func TestTimeouts(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0:                       0,
		1:                       time.Millisecond, // 0 would be no limit
		1999 * time.Microsecond: time.Millisecond,
		time.Minute:             time.Minute,
		math.MaxInt64:           math.MaxInt32 * time.Millisecond,
	} {
		frame, err := Protocol{}.AppendRequest(nil, 1, &transport.Message{Method: "Echo", Timeout: d})
		var req transport.Message
		if err = errors.Join(err, Protocol{}.ParseRequest(frame, &req)); err != nil || req.Timeout != want {
			t.Errorf("%v travels as %v, %v", d, req.Timeout, err)
		}
	}
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "-5": 0, "250": 250 * time.Millisecond, "9223372036854775807": time.Duration(math.MaxInt64/1_000_000) * time.Millisecond} {
		i, err := timeoutOf(text)
		if err != nil || i.timeout != want {
			t.Errorf("%q is %v, %v", text, i.timeout, err)
		}
	}
	if _, err := timeoutOf("1s"); err == nil || !strings.Contains(err.Error(), `"1s"`) {
		t.Errorf("a timeout that is no number: %v", err)
	}
}

func timeoutOf(text string) (i info, err error) {
	n := newNumbers(nil)
	n.add(KeyRPCTimeout, text)
	err = i.parse(n.end())
	return i, err
}

func TestHead(t *testing.T) {
	h := new(Head)
	h.Set(KeyLogID, "one")
	h.Set(KeyEnv, strings.Repeat("e", 70_000))
	h.Set(KeyLogID, "two")
	if v, ok := h.Get(KeyLogID); !ok || v != "two" {
		t.Errorf("%q, %v", v, ok)
	}
	if v, ok := h.Get(KeyEnv); !ok || len(v) != 65_535 {
		t.Errorf("%d bytes, %v", len(v), ok)
	}
	if v, ok := h.Get(KeyToIDC); ok {
		t.Errorf("%q", v)
	}
}

// Apache's Go clients send one-way calls as ordinary ones.
func TestOneWayMethods(t *testing.T) {
	p := Protocol{OneWayMethods: "Note  Ping"}
	for method, want := range map[string]bool{"Note": true, "Ping": true, "Not": false, "NotePing": false, "": false} {
		frame, err := Protocol{Form: FormFramed}.AppendRequest(nil, 1, &transport.Message{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		var req transport.Message
		if err := p.ParseRequest(frame, &req); err != nil || req.OneWay != want {
			t.Errorf("%q: %v, %v", method, req.OneWay, err)
		}
		req = transport.Message{}
		if err := p.ParseRequest(frame[:len(frame)-1], &req); err == nil || req.OneWay != want {
			t.Errorf("%q, cut: %v, %v", method, req.OneWay, err)
		}
	}
}

// An exception is read whatever else is in it, and no deeper than it may be.
func TestExceptions(t *testing.T) {
	deep := func(n int) []byte {
		b := []byte{typeStruct, 0, 9}
		for range n {
			b = append(b, typeStruct, 0, 1)
		}
		for range n + 1 {
			b = append(b, typeStop)
		}
		return append(b, typeStop)
	}
	var e exception
	if err := e.parse(deep(deepest)); err != nil {
		t.Error(err)
	}
	if err := e.parse(deep(deepest + 1)); err == nil {
		t.Error("a deep one was taken")
	}
	for name, b := range map[string][]byte{
		"empty":        {},
		"cut":          {typeString, 0, 1, 0, 0, 0, 9, 'a'},
		"negative":     {typeString, 0, 1, 0xff, 0xff, 0xff, 0xff, typeStop},
		"unknown type": {5, 0, 1, typeStop},
		"long list":    {typeList, 0, 9, typeByte, 0x7f, 0xff, 0xff, 0xff, typeStop},
	} {
		if err := e.parse(b); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
