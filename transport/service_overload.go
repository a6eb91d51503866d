package transport

import (
	"fmt"
	"sync/atomic"
	"time"
)

// overload knows whether calls wait for too long before they are run: in the Service's
// queues, or for a processor. That, and not how long they take, says that a server has
// more to do than it can: a slow database makes calls slow and nobody wait. It is the
// rule of a queue that controls its delay (CoDel; here as in "Fail at scale", Maurer, 2015): a
// burst may wait, a queue that stands may not.
type overload struct {
	target time.Duration // 0: it is switched off
	born   time.Time

	end   atomic.Int64 // of the interval, in nanoseconds since born
	calls atomic.Int64 // that began in it
	quick atomic.Int64 // those of them that waited for no longer than target
	over  atomic.Bool  // few were quick in an interval, and in none since were half of them
}

const (
	overloadInterval = 100 * time.Millisecond
	overloadTarget   = 5 * time.Millisecond
	overloadQuick    = 16 // of so many calls one is quick, unless there is overload
)

// ServiceAdaptiveLimit makes a Service that has more calls than it can run refuse some
// of them, unrun, so that the others are answered in time: when for 100 ms of sixteen
// calls not one was run within target, and until half of them are again, those that have
// waited twice as long are answered with CodeResourceExhausted, and when to come back. What counts is the time from a request's arrival
// until it is run, which is spent waiting for one of ServiceWorkers, or for a processor.
// Where the bound is something else, such as a database's connections, ServiceWorkers
// is the way to say so. target 0 is 5 ms. By default no call is refused for having
// waited.
func ServiceAdaptiveLimit(target time.Duration) ServiceOption {
	return func(o *serviceOptions) {
		o.limits.QueueTarget = overloadTarget
		setOption(o, "ServiceAdaptiveLimit", &o.limits.QueueTarget, target)
	}
}

// begin takes note of a call that arrived then and is about to be run, and refuses it if
// it waited for too long.
func (o *overload) begin(arrived time.Time) error {
	if o.target == 0 {
		return nil
	}
	now := time.Now()
	waited := max(now.Sub(arrived), 0)
	since := int64(now.Sub(o.born))
	if end := o.end.Load(); since >= end && o.end.CompareAndSwap(end, since+int64(overloadInterval)) {
		calls, quick := o.calls.Swap(0), o.quick.Swap(0)
		o.over.Store(overloadQuick*quick < calls || 2*quick < calls && o.over.Load())
	}
	o.calls.Add(1)
	if waited <= o.target {
		o.quick.Add(1)
	}
	if waited <= 2*o.target || !o.over.Load() {
		return nil
	}
	// What waits now is gone by then, at the pace of those that went.
	return &Error{Code: CodeResourceExhausted, refused: waitedTooLong, RetryAfter: min(waited, overloadInterval),
		Message: fmt.Sprintf("more calls than are run: this one has waited for %v", waited.Round(time.Millisecond))}
}
