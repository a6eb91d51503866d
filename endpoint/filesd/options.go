package filesd

import (
	"cmp"
	"errors"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrInvalidOption is wrapped by the errors of options that make no sense.
var ErrInvalidOption = errors.New("filesd: invalid option")

// Option is for NewInstancer, Remember, or both; one that is given to the other is an error.
type Option func(*config)

type config struct {
	discovery.Options
	interval time.Duration
	maxAge   time.Duration

	ofRemember string // an option that is for that only
}

// Defaults of options.
const (
	defaultInterval = time.Second
	defaultMaxAge   = time.Hour
)

func (c config) with(opts []Option) (config, error) {
	c.Invalid = ErrInvalidOption
	discovery.Apply(&c, opts)
	c.interval = cmp.Or(c.interval, defaultInterval)
	c.maxAge = cmp.Or(c.maxAge, defaultMaxAge)
	return c, c.Fault
}

// WithLogger sets who hears of lines that are left out, of what is remembered, and of files that cannot be written.
func WithLogger(l log.Logger) Option { return func(c *config) { c.Logger = l } }

// WithInterval sets how often NewInstancer looks at its file, and how often Remember writes its own at most. Default a
// second.
func WithInterval(d time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithInterval", d) {
			c.interval = d
		}
	}
}

// WithMaxAge sets how old a list may be that Remember begins with: later the addresses may be those of other
// services. Default an hour.
func WithMaxAge(d time.Duration) Option {
	return func(c *config) {
		if c.NotNegative("WithMaxAge", d) {
			c.maxAge, c.ofRemember = d, "WithMaxAge"
		}
	}
}
