package verdict

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
)

// What the pool's own errors mean does not depend on what they wrap, and whether
// anything was sent is the pool's word: see TestJudgementOfErrors in package endpoint
// for errors of a real pool.
func TestPoolErrorsTellTheMostTellingCauseFirst(t *testing.T) {
	expelled := fmt.Errorf("%w: %w", muxpool.ErrConnectionsHaveBeenExpelled, context.Canceled)
	for name, c := range map[string]struct {
		cause error
		want  Verdict
	}{
		"expelled":         {expelled, unsent},
		"out of time":      {context.DeadlineExceeded, Verdict{Code: CodeDeadlineExceeded, Whose: Nobody, Ran: NotSent}},
		"closed":           {fmt.Errorf("%w: %w", muxpool.ErrConnLost, muxpool.ErrPoolClosed), Verdict{Code: CodeUnavailable, Whose: Caller, Ran: NotSent}},
		"garbage":          {fmt.Errorf("%w: %w", muxpool.ErrConnLost, muxpool.ErrProtocol), Verdict{Code: CodeUnavailable, Whose: Node, Ran: NotSent}},
		"something new":    {errors.New("x"), unsent},
		"too large":        {fmt.Errorf("%w: 9 bytes", muxpool.ErrFrameTooLarge), Verdict{Code: CodeTooLarge, Whose: Caller, Ran: NotSent}},
		"queue is full":    {muxpool.ErrSendQueueFull, Verdict{Code: CodeResourceExhausted, Whose: Overload, Ran: NotSent}},
		"by its own user":  {muxpool.ErrMuxConnClosed, Verdict{Code: CodeCanceled, Whose: Caller, Ran: NotSent}},
		"a silent peer":    {muxpool.ErrStalled, Verdict{Code: CodeUnavailable, Whose: Node, Ran: NotSent}},
		"senseless option": {muxpool.ErrInvalidOption, Verdict{Code: CodeInvalid, Whose: Caller, Ran: NotSent}},
	} {
		if got := Of(&muxpool.Error{Op: "get", Err: c.cause}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
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
