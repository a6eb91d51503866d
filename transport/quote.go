package transport

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

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
