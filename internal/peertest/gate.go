package peertest

import (
	"context"
	"sync"
	"testing"
)

// Gates are where calls meet that have the same key. The zero value is ready to use.
type Gates struct{ byKey sync.Map }

// Gate is what happens to a call that is held.
type Gate struct{ Arrived, Release, Ended Latch }

// Of returns the gate of a key.
func (g *Gates) Of(key string) *Gate {
	gate, _ := g.byKey.LoadOrStore(key, &Gate{newLatch(), newLatch(), newLatch()})
	return gate.(*Gate)
}

// Hold is a call: it waits for its release, or for the end of its context.
func (g *Gates) Hold(ctx context.Context, key string) error {
	gate := g.Of(key)
	gate.Arrived.Open()
	defer gate.Ended.Open()
	return gate.Release.Wait(ctx)
}

// Latch is opened once.
type Latch struct {
	once   *sync.Once
	opened chan struct{}
}

func newLatch() Latch { return Latch{new(sync.Once), make(chan struct{})} }

// Open opens the latch; again is fine.
func (l Latch) Open() { l.once.Do(func() { close(l.opened) }) }

// Wait waits until the latch is open, or ctx ends.
func (l Latch) Wait(ctx context.Context) error {
	select {
	case <-l.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Await ends the test if the latch is not opened.
func (l Latch) Await(t testing.TB, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if l.Wait(ctx) != nil {
		t.Fatal("it never happens: ", what)
	}
}
