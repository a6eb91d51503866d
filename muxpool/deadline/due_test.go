package deadline_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/deadline"
)

func TestDue(t *testing.T) {
	now := time.Now()
	with := func(parent context.Context, d time.Duration) context.Context {
		ctx, cancel := deadline.WithDeadline(parent, now.Add(d))
		t.Cleanup(cancel)
		return ctx
	}
	theirs, cancel := context.WithDeadline(t.Context(), now.Add(time.Hour))
	defer cancel()
	plain, cancel := deadline.WithDeadline(with(t.Context(), time.Minute), time.Time{})
	defer cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		want time.Duration // 0: none
	}{
		"its own":                    {with(t.Context(), time.Minute), time.Minute},
		"before its parent's":        {with(theirs, time.Minute), time.Minute},
		"its parent's, which is not": {with(theirs, 2*time.Hour), 0},
		"that beneath":               {with(with(t.Context(), time.Minute), time.Hour), time.Minute},
		"that beneath, without one":  {plain, time.Minute},
		"beneath both":               {with(with(theirs, 3*time.Hour), 2*time.Hour), 0},
	} {
		var want time.Time
		if c.want > 0 {
			want = now.Add(c.want)
		}
		if got := deadline.Of(c.ctx).Due(); !got.Equal(want) {
			t.Errorf("%s: due at %v, want %v", name, got, want)
		}
	}
}

// Contexts are printed by loggers, while they are in use.
func TestString(t *testing.T) {
	ctx, cancel := deadline.WithTimeout(context.Background(), time.Hour)
	var wg sync.WaitGroup
	wg.Go(func() { <-ctx.Done() })
	wg.Go(cancel)
	if got := fmt.Sprint(ctx); !strings.HasPrefix(got, "context.Background.WithDeadline(2") {
		t.Errorf("printed as %q", got)
	}
	bounded.Wait(t, wg.Wait)
	inner, cancel := deadline.WithDeadline(ctx, time.Time{})
	defer cancel()
	if got := fmt.Sprint(inner); !strings.HasSuffix(got, ".WithCancel") {
		t.Errorf("printed as %q", got)
	}
}
