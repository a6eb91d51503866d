package discovery

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-kit/log"
)

// Options are what the configurations of all engines have in common, and embed: who is told, and what is wrong with what
// was given.
type Options struct {
	Logger  log.Logger // nil: nobody
	Invalid error      // the engine's ErrInvalidOption
	Fault   error      // of the first option that makes no sense; it wraps Invalid
}

// Apply applies options to a configuration; nil is none.
func Apply[C any, O ~func(*C)](c *C, opts []O) {
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
}

// Reject notes that an option makes no sense, and why.
func (o *Options) Reject(format string, args ...any) {
	if o.Fault == nil {
		o.Fault = fmt.Errorf("%w: "+format, append([]any{o.Invalid}, args...)...)
	}
}

// NotNegative rejects the durations of an option if one is.
func (o *Options) NotNegative(option string, all ...time.Duration) (fine bool) {
	for _, d := range all {
		switch {
		case d >= 0:
		case len(all) == 1:
			o.Reject("%s(%v) is negative", option, d)
			return false
		default:
			o.Reject("%s(%s): one is negative", option, strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]"))
			return false
		}
	}
	return true
}

// Ordered rejects the two durations of an option if the first is larger.
func (o *Options) Ordered(option string, least, most time.Duration) {
	if most < least {
		o.Reject("%s(%v, %v): the first is larger", option, least, most)
	}
}

// Log tells who is there to hear.
func (o *Options) Log(keyvals ...any) {
	if o.Logger != nil {
		o.Logger.Log(keyvals...)
	}
}
