package verdict

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
)

// Of two tries that is known of which more may have been run.
func TestMost(t *testing.T) {
	order := []Ran{NotSent, Refused, Maybe, Yes}
	for i, a := range order {
		for j, b := range order {
			if got := a.Most(b); got != order[max(i, j)] {
				t.Errorf("%v and %v: %v", a, b, got)
			}
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

// Whatever is the caller's own is definitive, and a success is no end that another
// attempt could change.
func TestDefinitive(t *testing.T) {
	for code := range properties {
		if v := (Verdict{Code: code, Whose: Caller}); !v.Definitive() {
			t.Errorf("%v", v)
		}
		if v := (Verdict{Code: code, Whose: Nobody}); v.Definitive() {
			t.Errorf("%v", v)
		}
	}
	if (Verdict{Whose: Caller}).Definitive() {
		t.Error("a success is definitive")
	}
}

// Of the kernel's errors those say that the connection is lost.
func TestWhichErrnoIsALostConnection(t *testing.T) {
	are := []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
	for _, e := range append(slices.Clone(are), syscall.EINVAL, syscall.EACCES, syscall.ENOENT) {
		if v, ok := known(e); ok != slices.Contains(are, e) || ok && v != lost {
			t.Errorf("%v: %v, %v", e, v, ok)
		}
	}
}

// Whether anything was sent the pool knows, whatever its error usually means.
func TestWhetherItWasSentIsThePoolsWord(t *testing.T) {
	for _, p := range poolErrors {
		if got := Of(&muxpool.Error{Op: "read", Err: p.err}); got.Ran != Maybe {
			t.Errorf("%v of a read: %v", p.err, got)
		}
		if got := Of(&muxpool.Error{Op: "get", Err: p.err}); got.Ran != NotSent {
			t.Errorf("%v of a get: %v", p.err, got)
		}
	}
	if got := Of(&muxpool.Error{Op: "read", Err: errors.New("x")}); got != lost {
		t.Errorf("%v", got)
	}
}

// What a plug-in says of its caller counts where the pool itself knows nothing better.
func TestThePoolsOwnReasonsComeBeforeAPlugIns(t *testing.T) {
	refused := Tell(errors.New("who are you"), Verdict{Code: CodeUnauthenticated, Whose: Caller})
	for _, row := range []struct {
		reason error
		whose  Whose
		code   Code
	}{
		{muxpool.ErrConnLost, Caller, CodeUnauthenticated},
		{muxpool.ErrStalled, Node, CodeUnavailable},
		{muxpool.ErrSendQueueFull, Overload, CodeResourceExhausted},
	} {
		if got := Of(&muxpool.Error{Op: "get", Err: errors.Join(row.reason, refused)}); got.Whose != row.whose || got.Code != row.code {
			t.Errorf("%v: %v, want %v of %v", row.reason, got, row.code, row.whose)
		}
	}
}
