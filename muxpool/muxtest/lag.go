package muxtest

import (
	"sync/atomic"
	"time"
)

// Lag watches how late this process runs what is due: on a loaded machine a
// time that a test measures is too long by that much at least.
type Lag struct {
	worst atomic.Int64
	total atomic.Int64
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
			l.saw(time.Since(due))
		case <-l.stop:
			return
		}
	}
}

// saw notes that something ran that late; it is called by one goroutine.
func (l *Lag) saw(late time.Duration) {
	l.worst.Store(max(l.worst.Load(), int64(late)))
	if late > lagTick { // else it is a timer's own
		l.total.Add(int64(late))
	}
}

// Worst returns the longest delay seen so far.
func (l *Lag) Worst() time.Duration { return time.Duration(l.worst.Load()) }

// Total returns for how long, in all, what was due did not run.
func (l *Lag) Total() time.Duration { return time.Duration(l.total.Load()) }

// Stop ends the watch and returns what Worst does.
func (l *Lag) Stop() time.Duration {
	close(l.stop)
	<-l.done
	return l.Worst()
}
