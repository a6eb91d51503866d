package breaker

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sony/gobreaker"
)

// Option sets one property of a Group, of a Scope or, given to UpdateNode, of one
// node. Zero means the documented default; what can be off is switched off by an option
// of its own, as WithoutJitter. A negative or senseless value is an error that wraps ErrInvalidOption: NewGroup keeps it for Err, Update and UpdateNode
// return it. Options may be used any number of times. One that a user writes
// must not call the Group.
type Option func(*settings)

// settings are immutable once a node works with them.
type settings struct {
	// For a whole service or group.
	maxEjection   float64
	panicShare    float64
	forget        time.Duration
	listeners     []func(Change)
	panicListener func(*PanicError)
	groupWide     []string // names of the options above that were used
	groupOnly     []string // likewise, of those that no service can have for itself

	// For each node.
	classify     Classifier
	detectors    []Detector
	ownDetectors bool
	gobreaker    *gobreaker.Settings
	firstTime    time.Duration
	timeLimit    time.Duration
	jitter       float64
	noJitter     bool
	decay        time.Duration
	probes       int
	probeTimeout time.Duration
	prober       Prober
	noProbe      bool
	probeEvery   time.Duration
	policy       EventPolicy
	observe      bool

	// What follows from them: see fill.
	slow   time.Duration // the shortest threshold of SlowCalls, 0 without one
	inRow  int           // failures in a row that suffice
	memory time.Duration // how far the detectors look back

	invalid []error
}

// WithMaxEjection sets the largest share, from 0 to 1, of the live nodes that
// call outcomes may eject, and of those on which a method lives, the method. Default
// 0.5. Of two or more live nodes, one may always be ejected and one is always left.
// An only live node is ejected when no call to it has succeeded, or was answered without
// blame, for as long as the detectors look back (10 s by default). Live are the nodes that someone Holds, and
// those with a Middleware that were never held.
//
// Nodes that the pool reported as gone, or that were ejected by hand, count
// as ejected but are not bound by the share: keeping them helps nobody.
// For a Group or a Scope, not for one node.
func WithMaxEjection(share float64) Option {
	return func(s *settings) { s.share("WithMaxEjection", &s.maxEjection, share); s.wide("WithMaxEjection") }
}

// WithPanicThreshold sets a share, from 0 to 1, of the live nodes: while fewer
// are available, nodes that call outcomes alone have ejected take calls again,
// as a bad node is then better than none. Nodes whose connections are gone and
// nodes ejected by hand do not. A tiny share, as 0.01, means: when none is
// left. Default 0: never.
// For a Group or a Scope, not for one node.
func WithPanicThreshold(share float64) Option {
	return func(s *settings) { s.share("WithPanicThreshold", &s.panicShare, share); s.wide("WithPanicThreshold") }
}

// WithForget sets for how long a node that nobody holds and calls is
// remembered. Default 10 min. For a Group, not for one service or node.
func WithForget(d time.Duration) Option {
	return func(s *settings) { s.duration("WithForget", &s.forget, d); s.only("WithForget") }
}

// WithListener adds a listener, see Subscribe. For a Group, not for one service or node.
func WithListener(listener func(Change)) Option {
	return func(s *settings) {
		if listener == nil {
			s.reject("WithListener(nil)")
			return
		}
		s.listeners = append(slices.Clip(s.listeners), listener)
		s.only("WithListener")
	}
}

// WithClassifier sets what judges a call. Default, also for nil: package verdict,
// with the IsSuccessful of WithGobreaker.
func WithClassifier(c Classifier) Option {
	return func(s *settings) { s.classify = c }
}

// maxEjectionTime leaves room for doubling and jitter, and for the time that it is now.
const maxEjectionTime = 365 * 24 * time.Hour

// WithEjectionTime sets how long the first ejection lasts, and the limit up to
// which each further one doubles. Defaults 500 ms and 30 s; a first time
// over the default limit raises the limit. At most 365 days: what is to be out for
// longer is ForceOpen's.
func WithEjectionTime(first, limit time.Duration) Option {
	return func(s *settings) {
		s.duration("WithEjectionTime: first", &s.firstTime, first)
		s.duration("WithEjectionTime: limit", &s.timeLimit, limit)
		if max(first, limit) > maxEjectionTime {
			s.reject("WithEjectionTime(%v, %v) is over %v", first, limit, maxEjectionTime)
		}
		if limit > 0 && first > limit {
			s.reject("WithEjectionTime(%v, %v): first is over the limit", first, limit)
		}
	}
}

// WithJitter sets the share of an ejection's time, from 0 to 1, up to which
// a random time is added to it. Default 0.2.
func WithJitter(share float64) Option {
	return func(s *settings) { s.share("WithJitter", &s.jitter, share); s.noJitter = false }
}

// WithoutJitter has ejections last exactly as long as WithEjectionTime says.
func WithoutJitter() Option {
	return func(s *settings) { s.jitter, s.noJitter = 0, true }
}

// WithDecay sets how long a node must stay closed to undo one doubling of its
// ejection time. Default 10 s.
func WithDecay(d time.Duration) Option {
	return func(s *settings) { s.duration("WithDecay", &s.decay, d) }
}

// WithProbes sets how many calls a half-open node takes, and how many of
// them must succeed, all, before it closes. Default 1.
func WithProbes(n int) Option {
	return func(s *settings) {
		if n < 0 || n > math.MaxInt32 {
			s.reject("WithProbes(%d) is not between 0 and 2^31-1", n)
			return
		}
		s.probes = n
	}
}

// WithProbeTimeout sets the deadline of a probe: a call that a half-open node
// takes, or a run of a Prober. A probe that has not ended by then failed. A Prober's
// context ends with it. A user's call goes on, in the time that its caller gave it, and if
// it succeeds after all, and nothing else has spoken against the node meanwhile, that
// proves the node (with more than one of WithProbes only if others try it by then).
// Default 3 s.
func WithProbeTimeout(d time.Duration) Option {
	return func(s *settings) { s.duration("WithProbeTimeout", &s.probeTimeout, d) }
}

// WithObserveOnly makes the breaker go through all its states, tell its listeners
// and count what it would have refused, while every call passes.
// ForceOpen still refuses. Default false.
func WithObserveOnly(observe bool) Option {
	return func(s *settings) { s.observe = observe }
}

func (s *settings) reject(format string, args ...any) {
	s.invalid = append(slices.Clip(s.invalid), fmt.Errorf("%w: "+format, append([]any{ErrInvalidOption}, args...)...))
}

func (s *settings) wide(option string) { s.groupWide = append(slices.Clip(s.groupWide), option) }

// only is wide for an option that no service can have for itself.
func (s *settings) only(option string) {
	s.wide(option)
	s.groupOnly = append(slices.Clip(s.groupOnly), option)
}

func (s *settings) share(option string, p *float64, v float64) {
	if !(v >= 0 && v <= 1) { // NaN is refused as well
		s.reject("%s(%v) is not between 0 and 1", option, v)
		return
	}
	*p = v
}

func (s *settings) duration(option string, p *time.Duration, v time.Duration) {
	if v < 0 {
		s.reject("%s(%v) is negative", option, v)
		return
	}
	*p = v
}
