package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

func TestSettings(t *testing.T) {
	with := func(change func(*settings)) settings {
		s := defaults()
		change(&s)
		return s
	}
	for text, want := range map[string]settings{
		`{}`:                              defaults(),
		`{"retry": {}, "breaker": {}}`:    defaults(),
		`{"retry": {"attempts": 5}}`:      with(func(s *settings) { s.attempts = 5 }),
		`{"retry": {"timeout": "1.5s"}}`:  with(func(s *settings) { s.timeout = 1500 * time.Millisecond }),
		`{"retry": {"per_try": "250ms"}}`: with(func(s *settings) { s.perTry = 250 * time.Millisecond }),
		`{"retry": {"backoff": "1ms", "backoff_limit": "2ms"}}`:      with(func(s *settings) { s.backoff, s.backoffLimit = time.Millisecond, 2*time.Millisecond }),
		` {"breaker": {"max_ejection": 1}} ` + "\n":                  with(func(s *settings) { s.maxEjection = 1 }),
		`{"breaker": {"ejection": "10ms", "ejection_limit": "10s"}}`: with(func(s *settings) { s.ejection, s.ejectionLimit = 10*time.Millisecond, 10*time.Second }),
	} {
		if got, err := parseSettings([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestSenselessSettings(t *testing.T) {
	for text, want := range map[string]string{
		``:                                    "the file: an object is wanted",
		`[]`:                                  "the file: an object is wanted",
		`null`:                                "the file: an object is wanted",
		`{"retry": {"attempts": 3}`:           "the file: ",
		`{"retry": {"attempts": 3}} {}`:       "the file: more follows behind the object",
		`{"retry": {"attempts": 3,}}`:         "the file: retry: ",
		`{"retry": 3}`:                        "retry: an object is wanted",
		`{"retries": {}}`:                     "retries: there is no such group",
		`{"retr": {}}`:                        "retr: there is no such group",
		`{"retry": {"atempts": 3}}`:           "retry.atempts: there is no such setting",
		`{"breaker": {"attempts": 3}}`:        "breaker.attempts: there is no such setting",
		`{"retry": {}, "retry": {}}`:          "the file: retry is there twice",
		`{"retry": {"attempts": "3"}}`:        `retry.attempts: a number is wanted, not "3"`,
		`{"retry": {"attempts": 2.5}}`:        "retry.attempts: a number is wanted, not 2.5",
		`{"retry": {"attempts": null}}`:       "retry.attempts: a number is wanted, not null",
		`{"retry": {"attempts": 1e99}}`:       "retry.attempts: a number is wanted, not 1e99",
		`{"retry": {"attempts": 0}}`:          "retry.attempts: 0 is not from 1 to 10",
		`{"retry": {"timeout": 5}}`:           `retry.timeout: a time is wanted, such as "250ms", not 5`,
		`{"retry": {"timeout": "5"}}`:         `retry.timeout: a time is wanted, such as "250ms", not "5"`,
		`{"retry": {"timeout": null}}`:        `retry.timeout: a time is wanted, such as "250ms", not ""`,
		`{"retry": {"timeout": "-1s"}}`:       "retry.timeout: -1s is not from 0s to 1m0s",
		`{"retry": {"backoff": "200ms"}}`:     "retry.backoff: 200ms is over retry.backoff_limit, 100ms",
		`{"breaker": {"max_ejection": 1.01}}`: "breaker.max_ejection: 1.01 is not from 0.01 to 1",
		`{"breaker": {"ejection": "31s"}}`:    "breaker.ejection: 31s is over breaker.ejection_limit, 30s",
	} {
		if got, err := parseSettings([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", text, got, err, want)
		}
	}
	_, err := parseSettings([]byte(`{"retry": {"attempts": 0, "timeout": 1}, "breaker": {"max_ejection": 0}}`))
	for _, name := range []string{"retry.attempts", "retry.timeout", "breaker.max_ejection"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("of three errors that of %s is not told: %v", name, err)
		}
	}
	name := filepath.Join(t.TempDir(), "settings.json")
	if err := os.WriteFile(name, []byte(`{"retry": {"attempts": 0}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSettings(name); err == nil || !strings.HasPrefix(err.Error(), name+": retry.attempts: ") {
		t.Errorf("the error names no file: %v", err)
	}
}

// What the file may say muxkit takes, up to every bound.
func TestSettingsWithinTheirBoundsAreAccepted(t *testing.T) {
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{}, nil)
	defer set.Close()
	group := breaker.NewGroup()
	defer group.Close()
	c := &client{set: set, breakers: group}
	for _, text := range []string{
		`{"retry": {"attempts": 1, "timeout": "0s", "per_try": "0s", "backoff": "1ms", "backoff_limit": "1ms"}}`,
		`{"retry": {"attempts": 10, "timeout": "1m", "per_try": "1m", "backoff": "1s", "backoff_limit": "10s"}}`,
		`{"breaker": {"max_ejection": 0.01, "ejection": "10ms", "ejection_limit": "10ms"}}`,
		`{"breaker": {"max_ejection": 1, "ejection": "1m", "ejection_limit": "1h"}}`,
	} {
		s, err := parseSettings([]byte(text))
		if err == nil {
			err = c.apply(defaults(), s)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSettingsAreTold(t *testing.T) {
	told := defaults().String()
	for _, f := range fields {
		if want := fmt.Sprintf("%s=%v", f.name, f.told(defaults())); !strings.Contains(told, want) {
			t.Errorf("%s: lacks %s", told, want)
		}
	}
}
