package breaker

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// PanicError tells of a panic in a function that the user gave to the Group. It ends
// neither the process nor a call, and leaves no state behind: what the function
// did not say is taken from the default, and what it did not do is not done. Err
// tells of the first panic of each kind of function.
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

// panics holds the first panic of each kind of function.
type panics struct {
	mu  sync.Mutex
	all []*PanicError
}

func (p *panics) add(e *PanicError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, old := range p.all {
		if old.Func == e.Func {
			return
		}
	}
	p.all = append(p.all, e)
}

func (p *panics) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []error
	for _, e := range p.all {
		all = append(all, e)
	}
	return errors.Join(all...)
}

// contain runs a user's function, and returns its panic.
func (g *Group) contain(what string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			e := &PanicError{Func: what, Value: v, Stack: debug.Stack()}
			g.panics.add(e)
			err = e
		}
	}()
	f()
	return nil
}
