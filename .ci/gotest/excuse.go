package main

import (
	"fmt"
	"regexp"
	"strings"
)

// An excuse says which tests may be skipped, when and why.
type excuse struct {
	when   string // a condition of the run; "always" for none
	test   *regexp.Regexp
	reason string
}

// readExcuses reads lines of three parts: when, an expression that matches the
// whole of package.Test, and the reason.
func readExcuses(text string) (all []excuse, err error) {
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Fields(line)
		if len(parts) < 3 {
			return nil, fmt.Errorf("skips.txt:%d: want when, test and reason", i+1)
		}
		if !conditions[parts[0]] {
			return nil, fmt.Errorf("skips.txt:%d: there is no condition %q", i+1, parts[0])
		}
		test, err := regexp.Compile("^github.com/muxkit/muxkit/(" + parts[1] + ")$")
		if err != nil {
			return nil, fmt.Errorf("skips.txt:%d: %w", i+1, err)
		}
		all = append(all, excuse{parts[0], test, strings.Join(parts[2:], " ")})
	}
	return all, nil
}

var conditions = map[string]bool{"always": true, "race": true, "short": true, "cover": true}

// covers reports whether x excuses the test, in a run for which given holds.
func (x excuse) covers(test string, given map[string]bool) bool {
	return (x.when == "always" || given[x.when]) && x.test.MatchString(test)
}

// flagsIn tells which conditions the flags of go test set.
func flagsIn(args []string) map[string]bool {
	given := make(map[string]bool)
	for _, a := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if strings.HasPrefix(name, "cover") {
			name = "cover"
		}
		given[name] = strings.HasPrefix(a, "-")
	}
	return given
}
