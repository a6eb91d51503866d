package trpc

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// answerTo sends e through an answer, and returns what a client makes of it.
func answerTo(t *testing.T, e *transport.Error) *transport.Error {
	t.Helper()
	p := Protocol{}
	frame, err := p.AppendResponse(nil, 1, &transport.Message{}, &transport.Message{Err: e})
	if err != nil {
		t.Fatal(err)
	}
	var got *transport.Error
	if err := p.ParseResponse(frame, new(transport.Message)); !errors.As(err, &got) {
		t.Fatalf("ParseResponse gives %v", err)
	}
	return got
}

// The table of docs/protocols-trpc.md: what a Service sends for a Code, and what a
// Client makes of that.
func TestCodesThatAServiceSends(t *testing.T) {
	for code, want := range map[transport.Code]struct {
		ret  int
		back transport.Code
	}{
		transport.CodeUnknown:       {999, transport.CodeUnknown},
		transport.CodeUnknownMethod: {12, transport.CodeUnknownMethod},
		transport.CodeBadRequest:    {1, transport.CodeBadRequest},
		transport.CodeInternal:      {31, transport.CodeInternal},
		transport.CodeOverloaded:    {22, transport.CodeOverloaded},
		transport.CodeUnavailable:   {22, transport.CodeOverloaded},
		transport.CodeTimeout:       {21, transport.CodeTimeout},
		transport.CodeCanceled:      {161, transport.CodeCanceled},
		transport.CodeTooLarge:      {2, transport.CodeInternal},
	} {
		got := answerTo(t, &transport.Error{Code: code, Message: "why"})
		if got.Code != want.back || got.Status != want.ret || got.Message != "why" {
			t.Errorf("%v comes back as %+v", code, got)
		}
	}
}

func TestFrameworkCodes(t *testing.T) {
	for ret, want := range map[int]transport.Code{
		1: transport.CodeBadRequest, 2: transport.CodeInternal, 11: transport.CodeUnknownMethod, 12: transport.CodeUnknownMethod,
		21: transport.CodeTimeout, 22: transport.CodeOverloaded, 23: transport.CodeOverloaded, 24: transport.CodeTimeout,
		31: transport.CodeInternal, 41: transport.CodeBadRequest, 51: transport.CodeBadRequest,
		101: transport.CodeTimeout, 102: transport.CodeTimeout, 111: transport.CodeInternal, 141: transport.CodeInternal,
		161: transport.CodeCanceled, 171: transport.CodeInternal, 201: transport.CodeUnknown, 999: transport.CodeUnknown,
		-1: transport.CodeUnknown, math.MinInt32: transport.CodeUnknown,
	} {
		got := answerTo(t, &transport.Error{Code: transport.CodeUnknown, Status: ret})
		if got.Code != want || got.Status != ret {
			t.Errorf("ret %d is %+v, not %v", ret, got, want)
		}
	}
}

// A business code never passes for a framework code, even with the same number.
func TestBusinessCodes(t *testing.T) {
	for _, status := range []int{1, 12, 999, 10007, -1, math.MaxInt32, math.MinInt32} {
		if got := answerTo(t, transport.Business(status, "no")); !got.Business() || got.Status != status {
			t.Errorf("func_ret %d is %+v", status, got)
		}
	}
	for _, status := range []int{0, math.MaxInt32 + 1} {
		if got := answerTo(t, transport.Business(status, "no")); !got.Business() || got.Status != 999 {
			t.Errorf("the status %d is %+v", status, got)
		}
	}
}

func TestLongErrorMessage(t *testing.T) {
	got := answerTo(t, transport.Business(1, strings.Repeat("ä", maxMessage)))
	if len(got.Message) != maxMessage || strings.Trim(got.Message, "ä") != "" {
		t.Errorf("%d bytes, ending in %q", len(got.Message), got.Message[len(got.Message)-4:])
	}
}
