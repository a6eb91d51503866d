package transport

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// wordless is a protocol that has no words for some answers.
type wordless struct {
	ServerProtocol
	has func(resp *Message) bool
}

func (w wordless) AppendResponse(dst []byte, _ uint32, _, resp *Message) ([]byte, error) {
	switch {
	case !w.has(resp):
		return nil, errors.New("no words")
	case resp.Err != nil:
		return append(append(append(dst, resp.Err.Code.String()...), ": "...), resp.Err.Message...), nil
	}
	return append(dst, resp.Body...), nil
}

// TestAnswersThatCannotBeMade: in the place of one that cannot be sent goes an error, with the code
// that was answered if there are words for it; where there are none for any, who waits for it is told
// that there is none, once. Whatever went wrong is returned.
func TestAnswersThatCannotBeMade(t *testing.T) {
	all := func(*Message) bool { return true }
	none := func(*Message) bool { return false }
	long := &Error{Code: CodeBusiness, Message: "long"}
	large := strings.Repeat("x", 100)
	for name, row := range map[string]struct {
		resp Message
		has  func(*Message) bool
		want []string
		err  string // a part of it
	}{
		"it can":             {Message{Body: []byte("x")}, all, []string{"ready", "x", "after"}, ""},
		"as large as may be": {Message{Body: []byte(large)}, all, []string{"ready", large, "after"}, ""},
		"a byte too large": {Message{Body: []byte(large + "x")}, all,
			[]string{"ready", "too large: the answer cannot be sent: 101 bytes, at most 100 are allowed", "after"}, "101 bytes, at most 100"},
		"only an error can": {Message{Body: []byte("x")}, func(m *Message) bool { return m.Err != nil },
			[]string{"ready", "internal: the answer cannot be sent", "after"}, "no words"},
		"its text cannot": {Message{Err: long}, func(m *Message) bool { return m.Err.Message != "long" },
			[]string{"ready", "business: the answer cannot be sent", "after"}, "no words"},
		"its code cannot": {Message{Err: long}, func(m *Message) bool { return m.Err.Code == CodeInternal },
			[]string{"ready", "internal: the answer cannot be sent", "after"}, "no words"},
		"nothing can":          {Message{Body: []byte("x")}, none, []string{"ready", "unanswerable", "after"}, "no words; no words"},
		"nothing can, no code": {Message{Err: long}, none, []string{"ready", "unanswerable", "after"}, "no words; no words"},
	} {
		from := &desk{most: 100}
		s := &Service{protocol: wordless{has: row.has}}
		err := s.answer(&serverCall{requestContext: new(requestContext), from: from, resp: row.resp})
		if !slices.Equal(from.log, row.want) {
			t.Errorf("%s: %q, want %q", name, from.log, row.want)
		}
		if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("%s: returned %v, want %q", name, err, row.err)
		}
		if over := strings.Contains(row.err, "at most"); errors.Is(err, wire.ErrFrameTooLarge) != over || errors.Is(err, ErrPanicked) {
			t.Errorf("%s: %v is taken for another error", name, err)
		}
	}
	from := new(desk)
	s := &Service{protocol: wordless{has: none}}
	if err := s.answer(&serverCall{requestContext: new(requestContext), from: from, req: Message{OneWay: true}}); err != nil || from.log != nil {
		t.Errorf("to who wants no answer: %q, %v", from.log, err)
	}
}

// TestWhatACallCountsFor: its frame, what its protocol has copied, its metadata, and what is its own;
// of which some may be counted already.
func TestWhatACallCountsFor(t *testing.T) {
	for name, row := range map[string]struct {
		frame, copied, taken int
		metadata             Metadata
		want                 int64
	}{
		"nothing":               {want: callBytes},
		"a frame":               {frame: 100, want: callBytes + 100},
		"a copy":                {copied: 7, want: callBytes + 7},
		"a pair":                {metadata: Metadata{"ab": "cde"}, want: callBytes + 2 + 3 + pairBytes},
		"two pairs":             {metadata: Metadata{"ab": "cde", "": ""}, want: callBytes + 2 + 3 + 2*pairBytes},
		"all, of which some is": {frame: 100, copied: 7, taken: 60, metadata: Metadata{"a": ""}, want: callBytes + 100 + 7 + 1 + pairBytes},
	} {
		a := new(account)
		a.open(&admission{limits: ServiceLimits{MaxInFlight: 1, MaxBytes: 1 << 20, MaxBytesPerConn: 1 << 20}}, 0)
		call := &serverCall{req: Message{copied: int64(row.copied), Metadata: row.metadata}}
		if r := call.enter(a, make([]byte, 0, row.frame), row.taken); r != admitted {
			t.Errorf("%s: refused by %d", name, r)
		}
		if got := a.bytes.Load() + int64(row.taken); got != row.want || call.held != row.want {
			t.Errorf("%s: %d bytes are counted, and %d to give back, want %d", name, got, call.held, row.want)
		}
	}
}

// renaming looks up one method, and then asks for another.
type renaming struct{ ServerProtocol }

func (renaming) ParseRequest(frame []byte, req *Message) error {
	req.SetMethod([]byte("A"))
	if req.Method = string(frame); frame[0] == '!' {
		return errors.New("no")
	}
	return nil
}

// TestWhichMethodARequestAsksFor: that which its protocol has named last, wherever it has looked; of one
// that cannot be read, or is not there, the error has the name, cut.
func TestWhichMethodARequestAsksFor(t *testing.T) {
	s := NewService(renaming{})
	servers := make(map[string]*Server)
	for _, method := range []string{"A", "B"} {
		servers[method] = NewServer(func(_ context.Context, r any) (any, error) { return r, nil }, DecodeBytes, EncodeBytes)
		s.Handle(method, servers[method])
	}
	for method, want := range map[string]string{
		"A": "", "B": "", "C": "unknown method C",
		"!":                            "method !: invalid argument: no",
		"!" + strings.Repeat("x", 79):  "method !" + strings.Repeat("x", 79) + ": invalid argument: no",
		"!" + strings.Repeat("x", 80):  "method !" + strings.Repeat("x", 79) + "...: invalid argument: no",
		strings.Repeat("y", 80):        "unknown method " + strings.Repeat("y", 80),
		strings.Repeat("y", 80) + "zz": "unknown method " + strings.Repeat("y", 80) + "...",
	} {
		call, err := s.parse(context.Background(), new(desk), 7, []byte(method), time.Now())
		switch {
		case want == "" && (err != nil || call.server != servers[method]):
			t.Errorf("%s: %v, and the wrong server", method, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", method, err, want)
		}
		if call.resp.Method != method {
			t.Errorf("the answer to %s is one of %q", method, call.resp.Method)
		}
		call.drop()
	}
}
