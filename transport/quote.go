package transport

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// both is two errors as one, whose text is one line; nil if both are.
func both(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return fmt.Errorf("%w; %w", first, second)
}

// quote makes text from a peer fit for a log line or an error: cut to max bytes,
// and quoted if it holds anything that does not print.
func quote(s string, max int) string {
	cut := ""
	if len(s) > max {
		s, cut = s[:max], "..."
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s) + cut
	}
	return s + cut
}
