package jsonrpc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// A value may end where the text does; one that is open there, or no value at all, does not.
func TestValuesAtTheEnd(t *testing.T) {
	for text, ok := range map[string]bool{
		"12": true, "true": true, `"a"`: true, "{}": true, "[1]": true, "": false, `"a`: false, "{": false, "[1": false, `{"a":1`: false,
	} {
		if v, rest, got := value([]byte(text)); got != ok || ok && (string(v) != text || len(rest) != 0) {
			t.Errorf("%q: the value %q, behind it %q, %v", text, v, rest, got)
		}
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
