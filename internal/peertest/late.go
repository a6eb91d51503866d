package peertest

import (
	"context"
	"time"
)

// Late makes calls that are to end by their time while the peer is at them. Each has twice the time of the one before, until
// the peer has begun one: on a busy machine the first are not even sent, or come so late that the peer refuses them.
func Late(ctx context.Context, call func(context.Context) (begun bool)) {
	for d, begun := 20*time.Millisecond, false; !begun && d < Patience; d *= 2 {
		short, cancel := context.WithTimeout(ctx, d)
		begun = call(short)
		cancel()
	}
}
