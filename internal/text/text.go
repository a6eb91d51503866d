// Package text makes texts of others fit to be read: what comes from a peer, a certificate
// or a discovery system goes through it where it enters an error, an event or a log line.
package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Shown returns s cut to at most max bytes, and quoted, as Go quotes strings, if it holds
// anything that does not print: line breaks, escape codes, marks that turn the direction
// of writing, bytes that are no UTF-8.
func Shown(s string, max int) string {
	kept, cut := keep(s, max)
	if !utf8.ValidString(kept) || strings.ContainsFunc(kept, func(r rune) bool { return !strconv.IsPrint(r) }) {
		kept = strconv.Quote(kept)
	}
	return kept + cut
}

// Quoted is Shown for a text within others, whose ends are to be seen: always quoted.
func Quoted(s string, max int) string {
	kept, cut := keep(s, max)
	return strconv.Quote(kept) + cut
}

// keep cuts s, not within a character, and returns what says that it was cut.
func keep(s string, max int) (kept, cut string) {
	if len(s) <= max {
		return s, ""
	}
	n := max
	for n > 0 && n > max-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], "..."
}

// Error returns err, or, if its text is longer than max bytes or holds what Shown quotes,
// an error whose text is what Said makes of it, and that wraps err.
func Error(err error, max int) error {
	was := err.Error()
	if shown := Said(was, max); shown != was {
		return Instead(err, shown)
	}
	return err
}

// Instead returns an error that says words and wraps err.
func Instead(err error, words string) error { return &shownError{err, words} }

type shownError struct {
	error
	text string
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.error }
