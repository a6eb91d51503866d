package endpoint

import (
	"context"
	"time"
)

// earlier returns the time d from now, or the limit if that comes before, or the zero
// time if d is 0 or ctx ends before both. A limit that is not zero comes before ctx's
// deadline. Where ctx's decides, the clock is read in the way that is cheap.
func earlier(ctx context.Context, limit time.Time, d time.Duration) time.Time {
	if d == 0 {
		return limit
	}
	t, _ := within(ctx, d)
	if t.IsZero() || !limit.IsZero() && limit.Before(t) {
		return limit
	}
	return t
}

// within returns the time d from now, or the zero time if d is 0 or ctx ends before; and how
// long that is from now, 0 if it was not needed to look.
func within(ctx context.Context, d time.Duration) (time.Time, time.Duration) {
	if d == 0 {
		return time.Time{}, 0
	}
	if end, ok := ctx.Deadline(); ok {
		if left := time.Until(end); left <= d {
			return time.Time{}, left
		}
	}
	return time.Now().Add(d), d
}

// endsBefore reports whether ctx has a deadline at or before t.
func endsBefore(ctx context.Context, t time.Time) bool {
	d, ok := ctx.Deadline()
	return ok && !d.After(t)
}
