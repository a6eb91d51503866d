package world

import (
	"context"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// StalledDial is a dial that takes all the time it is given.
func StalledDial(ctx context.Context, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

// Dials counts the dials in memory to a peer that run at once. Each takes 5 ms.
type Dials struct {
	mu       sync.Mutex // guards the fields below
	now, max int
}

// WatchDials counts the dials to p from now on.
func WatchDials(p *muxtest.Peer) *Dials {
	d := new(Dials)
	p.OnDial(func(ctx context.Context, _ int) error {
		d.add(1)
		defer d.add(-1)
		select {
		case <-time.After(5 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return d
}

func (d *Dials) add(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now += n
	d.max = max(d.max, d.now)
}

// Worst returns the most dials at once.
func (d *Dials) Worst() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.max
}
