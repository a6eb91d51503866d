package filesd

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-kit/log"
)

// ErrInvalidOption is wrapped by the errors of options that make no sense.
var ErrInvalidOption = errors.New("filesd: invalid option")

// Option is for NewInstancer, Remember, or both.
type Option func(*config)

type config struct {
	logger   log.Logger
	interval time.Duration
	maxAge   time.Duration
	fault    error
}

// Defaults of options.
const (
	defaultInterval = time.Second
	defaultMaxAge   = time.Hour
)

// with applies options, of which those for the other function count as little as if they were not given.
func (c config) with(opts []Option) (config, error) {
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.interval == 0 {
		c.interval = defaultInterval
	}
	if c.maxAge == 0 {
		c.maxAge = defaultMaxAge
	}
	return c, c.fault
}

func (c *config) refuse(name string, d time.Duration) {
	if c.fault == nil {
		c.fault = fmt.Errorf("%w: %s(%v) is negative", ErrInvalidOption, name, d)
	}
}

func (c *config) log(keyvals ...any) {
	if c.logger != nil {
		c.logger.Log(keyvals...)
	}
}

// WithLogger sets who hears of lines that are left out, of what is remembered, and of files that cannot be written.
func WithLogger(l log.Logger) Option { return func(c *config) { c.logger = l } }

// WithInterval sets how often NewInstancer looks at its file, and how often Remember writes its own at most. Default a
// second.
func WithInterval(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.refuse("WithInterval", d)
		}
		c.interval = d
	}
}

// WithMaxAge sets how old a list may be that Remember begins with: later the addresses may be those of other
// services. Default an hour.
func WithMaxAge(d time.Duration) Option {
	return func(c *config) {
		if d < 0 {
			c.refuse("WithMaxAge", d)
		}
		c.maxAge = d
	}
}
