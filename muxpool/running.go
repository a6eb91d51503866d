package muxpool

import (
	"sync"
	"sync/atomic"
)

// running counts the goroutines of a pool, so that somebody can wait for the last.
type running struct {
	n      atomic.Int64
	closed atomic.Bool // no goroutine begins any more but where another one runs
	once   sync.Once
	gone   chan struct{} // closed when closed is set and n is 0: then it stays so
}

// run runs f on a goroutine.
func (r *running) run(f func()) {
	r.Begin()
	go func() {
		defer r.End() // also if f ends the goroutine
		f()
	}()
}

// Begin implements wire.Counter.
func (r *running) Begin() { r.n.Add(1) }

// End implements wire.Counter.
func (r *running) End() {
	if r.n.Add(-1) == 0 && r.closed.Load() {
		r.over()
	}
}

func (r *running) close() {
	if r.closed.Store(true); r.n.Load() == 0 {
		r.over()
	}
}

func (r *running) over() { r.once.Do(func() { close(r.gone) }) }
