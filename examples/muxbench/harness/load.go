package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// load is what callers do, from start to close, without a pause: in a closed loop each
// makes a call, checks the answer, and makes the next; in an open one (open.go) calls are
// due by a schedule. What is counted is what falls into the window.
type load struct {
	contexts contexts
	deadline time.Duration // of each call's context
	base     time.Time
	begin    atomic.Int64 // the window, as nanoseconds since base
	end      atomic.Int64
	warm     sync.WaitGroup // done when each caller has had an answer, or has failed
	wg       sync.WaitGroup // done when all callers have returned
	latency  [latencyShards]histogram
	errs     []error // one a caller, its own until wg is done
}

// latencyShards is how many histograms the callers share. One for each caller
// would cost a cache miss a call where there are many, one for all a fight for
// its cache lines.
const latencyShards = 8

func newLoad(callers int, which contexts, deadline time.Duration) *load {
	l := &load{contexts: which, deadline: deadline, base: time.Now(), errs: make([]error, callers)}
	l.begin.Store(math.MaxInt64)
	l.end.Store(math.MaxInt64)
	l.warm.Add(callers)
	return l
}

// startLoad starts a closed loop: a goroutine for each call, with the payload that
// request makes for a caller.
func startLoad(calls []Call, request func(caller int) *payload, which contexts, deadline time.Duration) *load {
	l := newLoad(len(calls), which, deadline)
	for i, call := range calls {
		l.wg.Go(func() {
			l.failed(i, l.closed(l.newCaller(i, call, request(i))))
		})
	}
	return l
}

// failed notes the end of a caller.
func (l *load) failed(i int, err error) {
	if err != nil {
		l.errs[i] = fmt.Errorf("caller %d: %w", i, err)
	}
}

// open starts the window now, for d.
func (l *load) open(d time.Duration) {
	now := time.Since(l.base)
	l.end.Store(int64(now + d))
	l.begin.Store(int64(now))
}

// close ends the load, counts, and returns the callers' errors.
func (l *load) close() (*histogram, error) {
	l.end.CompareAndSwap(math.MaxInt64, 0)
	l.wg.Wait()
	var all histogram
	var errs []error
	for i := range l.latency {
		all.merge(&l.latency[i])
	}
	for _, err := range l.errs {
		if err != nil && len(errs) < 3 {
			errs = append(errs, err)
		}
	}
	return &all, errors.Join(errs...)
}

// caller is who makes calls, one after the other.
type caller struct {
	*load
	call    Call
	payload *payload
	latency *histogram
	check   Check
	answers int
	warm    bool
}

func (l *load) newCaller(i int, call Call, p *payload) *caller {
	c := &caller{load: l, call: call, payload: p, latency: &l.latency[i%latencyShards]}
	c.check = func(resp []byte) error {
		c.answers++
		return c.payload.check(resp)
	}
	return c
}

// closed is a caller in a closed loop. A call counts if it ends in the window.
func (l *load) closed(c *caller) error {
	defer c.isWarm()
	last := time.Since(l.base)
	for {
		if err := c.once(); err != nil {
			return err
		}
		now := time.Since(l.base)
		if int64(now) > l.end.Load() {
			return nil
		}
		if int64(now) >= l.begin.Load() {
			c.latency.add(now-last, c.answers)
		}
		last = now
	}
}

// once makes one call and checks the answer, or the answers of a batch.
func (c *caller) once() error {
	c.payload.stamp()
	c.answers = 0
	if err := c.within(); err != nil {
		return err
	}
	if c.answers == 0 {
		return errors.New("a call returned no error and no answer")
	}
	c.isWarm()
	return nil
}

// isWarm tells the load that the caller has had an answer, or never will.
func (c *caller) isWarm() {
	if !c.warm {
		c.warm = true
		c.load.warm.Done()
	}
}

// within makes a call with the context that the load wants.
func (c *caller) within() error {
	switch c.contexts {
	case ofContext:
		ctx, cancel := context.WithTimeout(context.Background(), c.deadline)
		defer cancel()
		return c.call(ctx, c.payload.bytes, c.check)
	case ofDeadline:
		ctx, cancel := deadline.WithTimeout(context.Background(), c.deadline)
		defer cancel()
		return c.call(ctx, c.payload.bytes, c.check)
	}
	return c.call(context.Background(), c.payload.bytes, c.check)
}
