package world

import (
	"context"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// Call makes one call to the victim, which may take a second: see Allowed.
func (w *World) Call() error { return w.CallFor(w.Allowed(time.Second)) }

// CallFor makes one call to the victim, which may take d and no more.
func (w *World) CallFor(d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return w.Tally.Call(ctx, w.Caller, []byte("call"))
}

// Calls makes n calls to the victim at once, each of which may take d: see Allowed.
func (w *World) Calls(n int, d time.Duration) *Flight {
	d = w.Allowed(d)
	f := &Flight{Errs: make([]error, n)}
	f.WG.Add(n)
	for i := range n {
		go func() {
			defer f.WG.Done()
			f.Errs[i] = w.CallFor(d)
		}()
	}
	return f
}

// Flight is a number of calls on their way.
type Flight struct {
	WG   sync.WaitGroup
	Errs []error
}

// Land waits for the calls and returns the errors of those that failed.
func (f *Flight) Land() (failed []error) {
	f.WG.Wait()
	for _, err := range f.Errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// Retry lets n callers call, each pause after its last call ended, with d for
// each call, until the returned function is called, or the story ends.
func (w *World) Retry(n int, pause, d time.Duration) (stop func()) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	stop = sync.OnceFunc(func() { close(done); wg.Wait() })
	w.Cleanup(stop)
	for range n {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(pause):
					w.CallFor(d)
				}
			}
		})
	}
	return stop
}

// tried is how long a call may take, on sockets, when others are made if it fails.
const tried = 10 * time.Second

// Recovers expects a call to succeed within bound, when tried each millisecond.
func (w *World) Recovers(bound time.Duration) {
	w.Helper()
	each := bound
	if w.real {
		each = tried
	}
	w.Until(bound, "a call succeeds again", func() bool { return w.CallFor(each) == nil })
}

// Hold makes the victim keep what it gets.
func (w *World) Hold() *muxtest.Hold {
	h := new(muxtest.Hold)
	w.Victim.Do(h.Do)
	return h
}

// Longest is how long a virtual connection may last whose test says nothing: a test that
// waits for what does not come fails, and tells where.
const Longest = time.Minute

// Get opens a virtual connection to the victim with options on top of the
// caller's, on ctx. It ends after Longest, in a bubble, if ctx has no deadline.
func (w *World) Get(ctx context.Context, with ...func(*muxpool.GetOptions)) muxpool.MuxConn {
	w.Helper()
	c := w.Caller
	if _, ok := ctx.Deadline(); !ok {
		c.Opts.WithTimeout(w.Allowed(Longest))
	}
	for _, f := range with {
		f(&c.Opts)
	}
	mc, err := c.Get(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return mc
}

func WithVID(vid uint32) func(*muxpool.GetOptions) {
	return func(o *muxpool.GetOptions) { o.WithVID(vid) }
}
