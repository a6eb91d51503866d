package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Said is Shown for what an error says, cut by Cut.
func Said(s string, max int) string {
	s = Cut(s, max)
	return Shown(s, len(s))
}

// Cut returns s, or its beginning and its end, of max bytes together, if it is longer. What an
// error says last is what the first of its causes said: that says more than the middle.
func Cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	head, _ := keep(s, max/3)
	tail := s[len(s)-(max-max/3):]
	for n := 1; n < utf8.UTFMax && len(tail) > 0 && !utf8.RuneStart(tail[0]); n++ {
		tail = tail[1:]
	}
	return head + "..." + tail
}

// Lead is how the error of a call to a node begins.
func Lead(method, node string) string {
	if method = Shown(method, maxMethod); method == "" {
		return node + ": "
	}
	return method + " on " + node + ": "
}

// maxMethod bounds a method's name in an error, in bytes.
const maxMethod = 80

// Without returns what an error says, less the name of a node, or of an address, that whoever
// shows it says himself, or is not to say.
func Without(s, name string) string {
	if name == "" {
		return s
	}
	var b strings.Builder
	rest := s
	for {
		i := strings.Index(rest, name)
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		before, after := rest[:i], rest[i+len(name):]
		if partOf(before, after) { // the name of another
			b.WriteString(before + name)
			rest = after
			continue
		}
		switch {
		case strings.HasSuffix(before, " on "):
			before = before[:len(before)-len(" on ")]
		case strings.HasSuffix(before, " "):
			before = before[:len(before)-1]
		case i == 0 && b.Len() == 0:
			after = strings.TrimLeft(after, ": ")
		}
		b.WriteString(before)
		rest = after
	}
}

// partOf reports whether what stands between before and after is a part of a longer name.
func partOf(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	next, size := utf8.DecodeRuneInString(after)
	if joins(next) {
		next, _ = utf8.DecodeRuneInString(after[size:])
	}
	return alnum(last) || joins(last) || alnum(next)
}

func alnum(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// joins reports whether r stands between the parts of a name.
func joins(r rune) bool { return r == '.' || r == '-' || r == '_' || r == '/' }
