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
		transport.CodeUnknown:           {999, transport.CodeUnknown},
		transport.CodeUnimplemented:     {12, transport.CodeUnimplemented},
		transport.CodeInvalidArgument:   {1, transport.CodeInvalidArgument},
		transport.CodeInternal:          {31, transport.CodeInternal},
		transport.CodeResourceExhausted: {22, transport.CodeResourceExhausted},
		transport.CodeUnavailable:       {31, transport.CodeUnavailable},
		transport.CodeDeadlineExceeded:  {21, transport.CodeDeadlineExceeded},
		transport.CodeCanceled:          {161, transport.CodeCanceled},
		transport.CodeTooLarge:          {2, transport.CodeTooLarge},
	} {
		got := answerTo(t, &transport.Error{Code: code, Message: "why"})
		if got.Code != want.back || got.Status != want.ret || got.Message != "why" {
			t.Errorf("%v comes back as %+v", code, got)
		}
	}
}

func TestFrameworkCodes(t *testing.T) {
	for ret, want := range map[int]transport.Code{
		1: transport.CodeInvalidArgument, 2: transport.CodeInternal, 11: transport.CodeUnimplemented, 12: transport.CodeUnimplemented,
		21: transport.CodeDeadlineExceeded, 22: transport.CodeResourceExhausted, 23: transport.CodeResourceExhausted, 24: transport.CodeDeadlineExceeded,
		31: transport.CodeInternal, 41: transport.CodeUnauthenticated, 51: transport.CodeInvalidArgument,
		101: transport.CodeDeadlineExceeded, 102: transport.CodeDeadlineExceeded, 111: transport.CodeInternal, 141: transport.CodeInternal,
		161: transport.CodeCanceled, 171: transport.CodeInternal, 201: transport.CodeUnknown, 999: transport.CodeUnknown,
		-1: transport.CodeUnknown, math.MinInt32: transport.CodeUnknown,
	} {
		got := (&responseHead{ret: int32(ret)}).failure()
		if got.Code != want || got.Status != ret || got.NotRun {
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
