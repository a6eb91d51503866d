package verdict

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestUnknownCodesAreJudgedByTheirClass(t *testing.T) {
	for code, want := range map[Code]Whose{19: Method, 31: Method, 32: Caller, 63: Caller, 64: Method, 95: Method, 96: Overload,
		127: Overload, 128: Node, 159: Node, 160: Method, 191: Method, 255: Method} {
		if v := ByCode(code); v.Whose != want || v.Code != code || v.Code.HTTP() < 400 || v.Code.HTTP() > 599 {
			t.Errorf("code %d is %v (%d), want %v", uint8(code), v, v.Code.HTTP(), want)
		}
	}
	for code, want := range map[Code]Code{0: CodeUnknown, 18: 18, 77: 77, 191: 191, 192: CodeUnknown, CodeEncode: CodeUnknown, 255: CodeUnknown} {
		if got := code.Travels(); got != want {
			t.Errorf("code %d travels as %d, want %d", code, got, want)
		}
	}
}

func TestUnknownCodesHaveAStatusByTheirClass(t *testing.T) {
	for code, want := range map[Code]int{31: 500, 32: 400, 63: 400, 64: 500, 95: 500, 96: 429, 127: 429, 128: 503, 159: 503, 160: 500} {
		if got := code.HTTP(); got != want {
			t.Errorf("code %d is told as %d, want %d", uint8(code), got, want)
		}
	}
	if got := ByCode(0); got.Code != CodeUnknown || got.Whose != Method {
		t.Errorf("an error without a code: %v", got)
	}
}

// Each status reads as a code that is blamed on the same side: 4xx is nobody's node.
func TestHTTPStatusesReadAsCodes(t *testing.T) {
	said := map[int]Code{401: CodeUnauthenticated, 403: CodePermissionDenied, 404: CodeNotFound, 408: CodeDeadlineExceeded, 409: CodeAborted,
		410: CodeNotFound, 412: CodeFailedPrecondition, 413: CodeTooLarge, 416: CodeOutOfRange, 429: CodeResourceExhausted,
		499: CodeCanceled, 501: CodeUnimplemented, 502: CodeUnavailable, 503: CodeUnavailable, 504: CodeDeadlineExceeded}
	for s := range 1000 {
		c, want := FromHTTP(s), said[s]
		switch {
		case want != 0:
		case s >= 400 && s <= 499:
			want = CodeInvalidArgument
		case s >= 500 && s <= 599:
			want = CodeInternal
		}
		if c != want {
			t.Errorf("status %d is %v, want %v", s, c, want)
		}
		if whose := ByCode(c).Whose; s >= 400 && s <= 499 && s != 408 && whose == Method {
			t.Errorf("status %d: %v", s, whose)
		}
	}
}

// The page's table of codes is this package's: a code without a row, or a row that says
// something else, fails.
func TestJudgementPageHasEveryCode(t *testing.T) {
	page, err := os.ReadFile("../../docs/judgement.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := make([]Code, 0, len(properties))
	for c := range properties {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	var want strings.Builder
	for _, c := range codes {
		v, number := ByCode(c), fmt.Sprint(uint8(c))
		if c >= firstOwn {
			number = "–"
		}
		refused := v.AsRefused()
		fmt.Fprintf(&want, "| %s | %s | %d | %s | %s | %s | %s | %s |\n", number, c, c.HTTP(), v.Whose, or(v.CountsAgainst()),
			elsewhere(v), elsewhere(refused), yes(refused.WaitedFor()))
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/judgement.md does not have this table:\n%s", want.String())
	}
}

func or(w Whose) string {
	if w == Nobody {
		return "–"
	}
	return w.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "–"
}

func elsewhere(v Verdict) string {
	switch {
	case v.Elsewhere(false):
		return "yes"
	case v.Elsewhere(true):
		return "if idempotent"
	}
	return "–"
}
