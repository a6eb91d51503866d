package muxpool_test

import (
	"context"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// stalledDial is a dial that takes all the time it is given.
func stalledDial(ctx context.Context, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

// dials counts the dials in memory to a peer that run at once. Each takes 5 ms.
type dials struct {
	mu       sync.Mutex // guards the fields below
	now, max int
}

func watchDials(p *muxtest.Peer) *dials {
	d := new(dials)
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

func (d *dials) add(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now += n
	d.max = max(d.max, d.now)
}

func (d *dials) worst() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.max
}
