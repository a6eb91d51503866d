package jsonrpc

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// A value may end where the text does; one that is open there, or no value at all, does not.
func TestValuesAtTheEnd(t *testing.T) {
	for text, ok := range map[string]bool{
		"12": true, "7": true, "true": true, `"a"`: true, "{}": true, "[1]": true, "": false, `"a`: false, "{": false, "[1": false, `{"a":1`: false,
	} {
		if v, rest, got := value([]byte(text)); got != ok || ok && (string(v) != text || len(rest) != 0) {
			t.Errorf("%q: the value %q, behind it %q, %v", text, v, rest, got)
		}
	}
}

// A value ends before what cannot be in it; what follows is without the spaces in front.
func TestWhereValuesEnd(t *testing.T) {
	for text, want := range map[string][2]string{
		"12 ,3": {"12", ",3"}, "1\t2": {"1", "2"}, "1\r\n]": {"1", "]"}, "1:2": {"1", ":2"}, "1,2": {"1", ",2"}, "1}2": {"1", "}2"}, "1]2": {"1", "]2"},
		` "a" :1`: {`"a"`, ":1"}, `"a\"b" c`: {`"a\"b"`, "c"}, "[1, [2] ] ,3": {"[1, [2] ]", ",3"}, `{"a" : "}"} ]`: {`{"a" : "}"}`, "]"},
	} {
		if v, rest, ok := value([]byte(text)); !ok || string(v) != want[0] || string(rest) != want[1] {
			t.Errorf("%q: the value %q, behind it %q, %v, want %q", text, v, rest, ok, want)
		}
	}
	for _, text := range []string{",1", "]", " :1", "}"} {
		if v, _, ok := value([]byte(text)); ok {
			t.Errorf("%q: the value %q", text, v)
		}
	}
}

// nested are n arrays and objects in each other, in no order that repeats with the power of two.
func nested(n int) (opened string, closed []byte) {
	var b strings.Builder
	for depth := range n {
		if depth%3 == 0 {
			b.WriteString(`{"":`)
			closed = append(closed, '}')
		} else {
			b.WriteByte('[')
			closed = append(closed, ']')
		}
	}
	b.WriteByte('0')
	slices.Reverse(closed)
	return b.String(), closed
}

// Arrays and objects may lie in each other as deep as for encoding/json, and each is closed by a bracket of its own kind.
func TestHowDeepTextsMayBe(t *testing.T) {
	for _, n := range []int{1, 2, 63, 64, 65, 66, 127, 128, 129, 130, 131, 192, 193, 194, 195, maxDepth} {
		opened, closed := nested(n)
		text := opened + string(closed)
		if _, frame, err := (Protocol{}).Parse(strings.NewReader(text + "{")); err != nil || string(frame) != text {
			t.Errorf("%d deep: %d of %d bytes, %v", n, len(frame), len(text), err)
		}
		if n == maxDepth { // which takes its time
			continue
		}
		for _, at := range []int{0, len(closed) / 2, len(closed) - 1} {
			wrong := slices.Clone(closed)
			wrong[at] = map[byte]byte{'}': ']', ']': '}'}[wrong[at]]
			if _, _, err := (Protocol{}).Parse(strings.NewReader(opened + string(wrong))); !errors.Is(err, errBracket) {
				t.Errorf("%d deep, bracket %d of the other kind: %v", n, at, err)
			}
		}
	}
	deeper, _ := nested(maxDepth + 1)
	if _, _, err := (Protocol{}).Parse(strings.NewReader(deeper)); !errors.Is(err, errDepth) {
		t.Errorf("deeper: %v, want %v before it ends", err, errDepth)
	}
}

// Last words go to the id of what was too large, if that is one of a request and not too long.
func TestWhoseTextWasTooLarge(t *testing.T) {
	id := func(n int) string { return `"` + strings.Repeat("i", n-2) + `"` }
	for text, want := range map[string]string{
		`{"id":7,"method":"x","params":[`:                           "7",
		`{"id":` + id(longestLastID) + `,"method":"x","params":[`:   id(longestLastID),
		`{"id":` + id(longestLastID+1) + `,"method":"x","params":[`: "",
		`{"id":[1],"method":"x","params":[`:                         "",
		`{"id":7,"result":1,"x":[`:                                  "",
		`{"method":"x","params":[`:                                  "",
		`{"id":-7,"method":"x","params":[`:                          "-7",
		`{"id":null,"method":"x","params":[`:                        "null",
		`{"id":true,"method":"x","params":[`:                        "",
		`{1:2,"id":7,"method":"x","params":[`:                       "7", // what is no name is passed over
		`["id":7,"method":"x","params":[`:                           "",  // it is no object
		`{"a":"x"{"id":7,"method":"x","params":[`:                   "",  // nor is what follows a member without a comma one of its own
	} {
		err := tooLarge([]byte(text), io.ErrShortBuffer)
		var b *broken
		if !errors.As(err, &b) || string(b.id) != want || !errors.Is(err, io.ErrShortBuffer) {
			t.Errorf("%.60s: the id %.60q, %v; want %.60q", text, b.id, err, want)
		}
	}
}

// A code beside the number counts, if it is one that muxkit's servers would send.
func TestCodesBesideErrors(t *testing.T) {
	own := fmt.Sprint(numberOf(transport.CodeInvalidArgument))
	for said, want := range map[string]transport.Code{`"5"`: 5, `"x"`: transport.CodeInvalidArgument, `"261"`: transport.CodeInvalidArgument, `"-1"`: transport.CodeInvalidArgument, "5": transport.CodeInvalidArgument} {
		var failure *transport.Error
		err := readErrorObject([]byte(`{"code":`+own+`,"message":"m","data":{"`+transport.MetadataCode+`":`+said+`}}`), new(transport.Message))
		if !errors.As(err, &failure) || failure.Code != want || (failure.Status == 0) != (want == transport.CodeInvalidArgument) {
			t.Errorf("%s: %+v, want %v", said, err, want)
		}
	}
}

// What a number means of which nothing else is said: those that the specification keeps for
// itself are no service's own, from the first to the last.
func TestNumbersOfErrors(t *testing.T) {
	for number, want := range map[int]transport.Code{
		-32769: transport.CodeBusiness, -32768: transport.CodeUnknown, -32767: transport.CodeUnknown,
		-32700: transport.CodeInvalidArgument, -32600: transport.CodeInvalidArgument, -32601: transport.CodeUnimplemented,
		-32602: transport.CodeInvalidArgument, -32603: transport.CodeInternal,
		-32001: transport.CodeUnknown, -32000: transport.CodeUnknown, -31999: transport.CodeBusiness,
		-1: transport.CodeBusiness, 0: transport.CodeUnknown, 1: transport.CodeBusiness,
	} {
		if got := codeOf(number); got != want {
			t.Errorf("%d is %v, want %v", number, got, want)
		}
	}
}

// The number of a code that has none of the specification's, and of those that are newer than this package.
func TestNumbersOfCodes(t *testing.T) {
	for code, want := range map[transport.Code]int{
		transport.CodeCanceled: -32001, transport.CodeUnavailable: -32014, transport.CodeTooLarge: -32018, 98: -32098, 99: -32099, 100: -32000, 159: -32000,
		transport.CodeInvalidArgument: -32602, transport.CodeUnimplemented: -32601, transport.CodeInternal: -32603, transport.CodeBusiness: -31983,
	} {
		if got := numberOf(code); got != want {
			t.Errorf("%v has the number %d, want %d", code, got, want)
		}
	}
}
