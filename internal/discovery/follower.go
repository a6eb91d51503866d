package discovery

import "context"

// Follower is the goroutine of an Instancer, from the beginning to Stop.
type Follower struct {
	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended
	wake chan struct{} // capacity 1
}

// Follow has run follow until Stop, or until ctx ends. Run gets what Wake sends.
func Follow(ctx context.Context, run func(ctx context.Context, wake <-chan struct{})) *Follower {
	ctx, cancel := context.WithCancel(ctx)
	f := &Follower{stop: cancel, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go func() {
		defer close(f.done)
		run(ctx, f.wake)
	}()
	return f
}

// Wake ends a pause, or has it look. It does not wait; several before one is taken are one.
func (f *Follower) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Quit has the goroutine end, and does not wait for it.
func (f *Follower) Quit() { f.stop() }

// Stop returns when the goroutine has ended.
func (f *Follower) Stop() {
	f.stop()
	<-f.done
}
