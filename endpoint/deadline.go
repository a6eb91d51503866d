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
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return limit
	}
	t := time.Now().Add(d)
	if !limit.IsZero() && limit.Before(t) {
		return limit
	}
	return t
}

// endsBefore reports whether ctx has a deadline at or before t.
func endsBefore(ctx context.Context, t time.Time) bool {
	d, ok := ctx.Deadline()
	return ok && !d.After(t)
}
