package endpoint

import (
	"context"
	"time"
)

// CallOption is an option of one call: see WithCallOptions.
type CallOption func(*callOptions)

// callOptions are those of a call: nil for what is as its method has it.
type callOptions struct {
	timeout    *time.Duration
	idempotent func(request any) bool
	patient    *bool
	maxWait    time.Duration
	hedgeAfter *time.Duration
	key        affinity
	invalid    error // the first option that makes no sense
}

// WithCallOptions gives options to the calls that are made with the context, on top of those
// that ctx has. They are for the endpoint that gets the context, one of a Set or of Retry,
// and not for calls that its middlewares and nodes make in turn with the contexts of attempts. A
// call whose options make no sense fails with an error that wraps ErrInvalidOption.
func WithCallOptions(ctx context.Context, opts ...CallOption) context.Context {
	var o callOptions
	if outer := callOptionsOf(ctx); outer != nil {
		o = *outer
	}
	for _, opt := range opts {
		if opt == nil {
			o.reject("a nil CallOption")
			continue
		}
		opt(&o)
	}
	return context.WithValue(ctx, contextKeyCallOptions, &o)
}

func callOptionsOf(ctx context.Context) *callOptions {
	o, _ := ctx.Value(contextKeyCallOptions).(*callOptions)
	return o
}

func (o *callOptions) reject(format string, args ...any) {
	if o.invalid == nil {
		o.invalid = invalid(format, args...)
	}
}

// CallTimeout is WithRetry's timeout for this call. Zero: none but the context's.
func CallTimeout(d time.Duration) CallOption {
	return func(o *callOptions) {
		if d < 0 {
			o.reject("CallTimeout(%v) is negative", d)
		}
		o.timeout = &d
	}
}

// CallIdempotent says whether this request does no harm when the peer gets it twice.
func CallIdempotent(idempotent bool) CallOption {
	return func(o *callOptions) {
		o.idempotent = notAtAll
		if idempotent {
			o.idempotent = Always
		}
	}
}

func notAtAll(any) bool { return false }

// CallWait is WithWait for this call.
func CallWait(max time.Duration) CallOption {
	return func(o *callOptions) {
		if max < 0 {
			o.reject("CallWait(%v) is negative", max)
		}
		waits := true
		o.patient, o.maxWait = &waits, max
	}
}

// CallWithoutWait is WithoutWait for this call.
func CallWithoutWait() CallOption {
	return func(o *callOptions) { o.patient = new(bool) }
}

// CallHedge is WithHedging for this call. Zero: it is not hedged.
func CallHedge(delay time.Duration) CallOption {
	return func(o *callOptions) {
		if delay < 0 {
			o.reject("CallHedge(%v) is negative", delay)
		}
		o.hedgeAfter = &delay
	}
}

// CallKey has the calls with the same key go to the same node, whatever Policy says, as long
// as it takes calls: its caches know what they ask for. While it is out, or wants to be asked
// later, they go to another one, each key to its own, as do further attempts and hedges. All
// processes that name nodes alike agree; with WithZone those of a zone do, and with WithSubset those that
// hold the same nodes. It costs a look at each node that takes calls.
// Empty: no key. Balancers that are not muxkit's do not hear of it.
func CallKey(key string) CallOption {
	return func(o *callOptions) {
		o.key = 0
		if key != "" {
			o.key = affinityOf(key)
		}
	}
}

// forCall is r with the options of a call.
func (r *retryConfig) forCall(o *callOptions) *retryConfig {
	own := *r
	if o.timeout != nil {
		own.timeout = *o.timeout
	}
	if o.idempotent != nil {
		own.idempotent = o.idempotent
	}
	if o.patient != nil {
		own.patient, own.maxWait = *o.patient, o.maxWait
	}
	if o.hedgeAfter != nil {
		own.hedgeAfter = *o.hedgeAfter
	}
	own.key = o.key
	own = own.withDefaults()
	return &own
}
