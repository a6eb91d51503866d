package breaker

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// PanicError tells of a panic in a function that the user gave to the Group. It ends
// neither the process nor a call, and leaves no state behind: what the function did
// not say is taken from the default, and what it did not do is not done. See
// Group.Panics and WithPanicListener.
type PanicError struct {
	Func  string // "Classifier", "listener" and so on
	Value any    // what it panicked with
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("breaker: panic in a %s: %v", e.Func, e.Value)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// WithPanicListener sets what is told of the first panic of each kind of function
// that the Group was given: as a listener is, see Subscribe. For a Group, not for one
// service or node.
func WithPanicListener(told func(*PanicError)) Option {
	return func(s *settings) {
		if told == nil {
			s.reject("WithPanicListener(nil)")
			return
		}
		s.panicListener = told
		s.only("WithPanicListener")
	}
}

// Panics returns the first panic of each kind of function that the Group was given:
// PanicErrors, joined; nil if there was none.
func (g *Group) Panics() error {
	g.panics.mu.Lock()
	defer g.panics.mu.Unlock()
	var all []error
	for _, e := range g.panics.all {
		all = append(all, e)
	}
	return errors.Join(all...)
}

// panics holds the first panic of each kind of function.
type panics struct {
	// mu guards what is below. Notices are locked under it.
	mu   sync.Mutex
	all  []*PanicError
	told func(*PanicError)
}

// panicked notes a panic, and has it told if it is the first of its kind.
func (g *Group) panicked(e *PanicError) {
	g.panics.mu.Lock()
	defer g.panics.mu.Unlock()
	for _, old := range g.panics.all {
		if old.Func == e.Func {
			return
		}
	}
	g.panics.all = append(g.panics.all, e)
	if told := g.panics.told; told != nil {
		g.notices.aside(&g.panics, "panic listener", func() { told(e) })
	}
}

// contain runs a user's function, and returns its panic.
func (g *Group) contain(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			e := &PanicError{Func: what, Value: v, Stack: debug.Stack()}
			g.panicked(e)
			err = e
		}
	}()
	f()
	return nil
}
