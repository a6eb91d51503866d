package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// settings are what an operator may change while calls are made: in a file, and by SIGHUP.
type settings struct {
	attempts                int
	timeout, perTry         time.Duration
	backoff, backoffLimit   time.Duration
	maxEjection             float64
	ejection, ejectionLimit time.Duration
}

// defaults hold for what the file does not name.
func defaults() settings {
	return settings{
		attempts: 3, backoff: 5 * time.Millisecond, backoffLimit: 100 * time.Millisecond,
		maxEjection: 0.5, ejection: time.Second, ejectionLimit: 30 * time.Second,
	}
}

// field is a setting, by the name that it has in the file.
type field struct {
	name string
	set  func(s *settings, raw json.RawMessage) error
	told func(s settings) any
}

var fields = []field{
	number("retry.attempts", 1, 10, func(s *settings) *int { return &s.attempts }),
	span("retry.timeout", 0, time.Minute, func(s *settings) *time.Duration { return &s.timeout }),
	span("retry.per_try", 0, time.Minute, func(s *settings) *time.Duration { return &s.perTry }),
	span("retry.backoff", time.Millisecond, time.Second, func(s *settings) *time.Duration { return &s.backoff }),
	span("retry.backoff_limit", time.Millisecond, 10*time.Second, func(s *settings) *time.Duration { return &s.backoffLimit }),
	number("breaker.max_ejection", 0.01, 1, func(s *settings) *float64 { return &s.maxEjection }),
	span("breaker.ejection", 10*time.Millisecond, time.Minute, func(s *settings) *time.Duration { return &s.ejection }),
	span("breaker.ejection_limit", 10*time.Millisecond, time.Hour, func(s *settings) *time.Duration { return &s.ejectionLimit }),
}

// forRetries are the settings as options of a Set.
func (s settings) forRetries() []muxendpoint.Option {
	return []muxendpoint.Option{
		muxendpoint.WithRetry(s.attempts, s.timeout),
		muxendpoint.WithPerTryTimeout(s.perTry),
		muxendpoint.WithBackoff(s.backoff, s.backoffLimit),
	}
}

// forBreakers are those of a group of breakers.
func (s settings) forBreakers() []breaker.Option {
	return []breaker.Option{
		breaker.WithMaxEjection(s.maxEjection),
		breaker.WithEjectionTime(s.ejection, s.ejectionLimit),
	}
}

func readSettings(name string) (settings, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return settings{}, err
	}
	s, err := parseSettings(text)
	if err != nil {
		return settings{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// parseSettings reads settings. Every error names its field, and all of them are told.
func parseSettings(text []byte) (settings, error) {
	s := defaults()
	groups, err := members("the file", text)
	if err != nil {
		return s, err
	}
	var errs []error
	for group, raw := range groups {
		within, err := members(group, raw)
		errs = append(errs, err)
		for name, raw := range within {
			errs = append(errs, s.set(group+"."+name, raw))
		}
		if !slices.ContainsFunc(fields, func(f field) bool { return strings.HasPrefix(f.name, group+".") }) {
			errs = append(errs, fmt.Errorf("%s: there is no such group", group))
		}
	}
	if s.backoff > s.backoffLimit {
		errs = append(errs, fmt.Errorf("retry.backoff: %v is over retry.backoff_limit, %v", s.backoff, s.backoffLimit))
	}
	if s.ejection > s.ejectionLimit {
		errs = append(errs, fmt.Errorf("breaker.ejection: %v is over breaker.ejection_limit, %v", s.ejection, s.ejectionLimit))
	}
	return s, errors.Join(errs...)
}

func (s *settings) set(name string, raw json.RawMessage) error {
	for _, f := range fields {
		if f.name == name {
			return f.set(s, raw)
		}
	}
	return fmt.Errorf("%s: there is no such setting", name)
}

// String tells all settings.
func (s settings) String() string {
	told := make([]string, len(fields))
	for i, f := range fields {
		told[i] = fmt.Sprintf("%s=%v", f.name, f.told(s))
	}
	return strings.Join(told, " ")
}

// members are those of a JSON object, each of which may be there once.
func members(name string, text []byte) (map[string]json.RawMessage, error) {
	in := json.NewDecoder(bytes.NewReader(text))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("%s: an object is wanted", name)
	}
	found := make(map[string]json.RawMessage)
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return nil, fmt.Errorf("%s: %v: %w", name, key, err)
		}
		if _, twice := found[key.(string)]; twice {
			return nil, fmt.Errorf("%s: %v is there twice", name, key)
		}
		found[key.(string)] = raw
	}
	if _, err := in.Token(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if in.More() {
		return nil, fmt.Errorf("%s: more follows behind the object", name)
	}
	return found, nil
}

func number[T int | float64](name string, from, to T, of func(*settings) *T) field {
	return field{name, func(s *settings, raw json.RawMessage) error {
		var n *T
		switch err := json.Unmarshal(raw, &n); {
		case err != nil || n == nil:
			return fmt.Errorf("%s: a number is wanted, not %s", name, raw)
		case *n < from || *n > to:
			return fmt.Errorf("%s: %v is not from %v to %v", name, *n, from, to)
		}
		*of(s) = *n
		return nil
	}, func(s settings) any { return *of(&s) }}
}

func span(name string, from, to time.Duration, of func(*settings) *time.Duration) field {
	return field{name, func(s *settings, raw json.RawMessage) error {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return fmt.Errorf(`%s: a time is wanted, such as "250ms", not %s`, name, raw)
		}
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return fmt.Errorf(`%s: a time is wanted, such as "250ms", not %q`, name, text)
		case d < from || d > to:
			return fmt.Errorf("%s: %v is not from %v to %v", name, d, from, to)
		}
		*of(s) = d
		return nil
	}, func(s settings) any { return *of(&s) }}
}
