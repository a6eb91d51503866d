package muxtest

import (
	"sync/atomic"
	"time"
)

// Lag watches how late this process runs what is due: on a loaded machine a
// time that a test measures is too long by that much at least.
type Lag struct {
	worst atomic.Int64
	stop  chan struct{}
	done  chan struct{}
}

// WatchLag starts to watch. Stop ends it.
func WatchLag() *Lag {
	l := &Lag{stop: make(chan struct{}), done: make(chan struct{})}
	go l.watch()
	return l
}

const lagTick = 5 * time.Millisecond

func (l *Lag) watch() {
	defer close(l.done)
	t := time.NewTimer(lagTick)
	defer t.Stop()
	for {
		due := time.Now().Add(lagTick)
		t.Reset(lagTick)
		select {
		case <-t.C:
			l.worst.Store(max(l.worst.Load(), int64(time.Since(due))))
		case <-l.stop:
			return
		}
	}
}

// Worst returns the longest delay seen so far.
func (l *Lag) Worst() time.Duration { return time.Duration(l.worst.Load()) }

// Stop ends the watch and returns what Worst does.
func (l *Lag) Stop() time.Duration {
	close(l.stop)
	<-l.done
	return l.Worst()
}
