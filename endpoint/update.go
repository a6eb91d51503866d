package endpoint

import "reflect"

// Update puts opts on top of the Set's, at run time: WithRetry and its companions, WithWait,
// WithoutWait, WithMaxWaiting, WithHedging and WithPerTryTimeout. What (*Set).Endpoint was
// given for a method stays on top of that. Calls that begin afterwards go by it, each by
// the old options or by the new ones; calls under way go on as they began.
//
// If an option is invalid or is none of those, nothing changes, and the error, which wraps
// ErrInvalidOption, says so.
func (s *Set) Update(opts ...Option) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Options are functions of this package, which call nothing of the user's.
	next, err := s.retry.with(opts)
	if err != nil {
		return err
	}
	s.retry = next.withDefaults()
	s.retry.ownBudget = false // it is the Set's
	for _, m := range s.methods {
		s.configure(m)
	}
	return nil
}

// configure puts the Set's settings, and those of the method's own, in force; mu is held.
func (s *Set) configure(m *method) {
	c := config{retry: s.retry}.with(m.opts) // which were accepted before
	if c.retry.ownBudget {
		if old := m.retry.conf.Load(); old.ownBudget {
			c.retry.budget = old.budget // with the tokens it has
		}
	}
	m.retry.configure(c.retry)
}

// with returns a copy on which opts were applied, which must be about what is in it.
func (r retryConfig) with(opts []Option) (retryConfig, error) {
	c := config{retry: r}.with(opts)
	if err := c.err(); err != nil {
		return r, err
	}
	rest := c
	rest.retry = retryConfig{}
	if !reflect.ValueOf(rest).IsZero() {
		return r, invalid("Update takes options of retries, waiting, hedging and time-outs alone")
	}
	return c.retry, nil
}
