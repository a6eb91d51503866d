package endpoint

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText bounds, in bytes, what a peer or a discovery system may add to a log
// line or to an error of this package.
const maxText = 256

// quote makes text of others harmless: control characters and line breaks are
// escaped, and what is longer than max bytes is cut.
func quote(s string, max int) string {
	if len(s) <= max {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:max]) + "..."
}

// shown is quote for text that stands by itself, as a value in a log line: what prints is
// not quoted, since whoever writes the line does that, and errors of the transport have
// done it with the words of peers.
func shown(s string, max int) string {
	if cut := s[:min(len(s), max)]; !utf8.ValidString(cut) || strings.ContainsFunc(cut, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return quote(s, max)
	}
	if len(s) > max {
		return s[:max] + "..."
	}
	return s
}
