package jsonrpc

import "errors"

// maxDepth is how deep arrays and objects may lie in each other, as for encoding/json.
const maxDepth = 10000

var (
	errBracket = errors.New("jsonrpc: a bracket is closed by one of the other kind")
	errDepth   = errors.New("jsonrpc: arrays and objects are nested too deep, at most 10000 are allowed")
)

// scanner finds the end of a JSON array or object. It looks at strings and brackets
// only; whether the rest is right is seen when the whole is there.
type scanner struct {
	depth   int
	objects [maxDepth/64 + 1]uint64 // a bit a depth: it is an object's
	text    bool                    // inside a string
	escaped bool                    // after a backslash in it
}

// next takes one byte and reports whether the text ends with it.
func (s *scanner) next(b byte) (end bool, err error) {
	switch {
	case s.escaped:
		s.escaped = false
	case s.text:
		s.escaped = b == '\\'
		s.text = b != '"'
	case b == '"':
		s.text = true
	case b == '{' || b == '[':
		if s.depth == maxDepth {
			return false, errDepth
		}
		word, bit := &s.objects[s.depth/64], uint64(1)<<(s.depth%64)
		*word &^= bit
		if b == '{' {
			*word |= bit
		}
		s.depth++
	case b == '}' || b == ']':
		s.depth--
		if s.depth < 0 || s.objects[s.depth/64]>>(s.depth%64)&1 == 1 != (b == '}') {
			return false, errBracket
		}
		return s.depth == 0, nil
	}
	return false, nil
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\r' || b == '\t' }

func skip(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

// value returns the value that b begins with, and what follows it, behind spaces; ok is
// false if it does not end in b.
func value(b []byte) (v, rest []byte, ok bool) {
	b = skip(b)
	depth, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text && c == '\\':
			i++
			continue
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']' || c == ',' || c == ':' || isSpace(c):
			if depth == 0 {
				return b[:i:i], skip(b[i:]), i > 0
			}
			if c == '}' || c == ']' {
				depth--
			}
		}
		if depth == 0 && !text && (b[i] == '"' || b[i] == '}' || b[i] == ']') {
			return b[: i+1 : i+1], skip(b[i+1:]), true
		}
	}
	return b, nil, depth == 0 && !text && len(b) > 0
}

// elements calls yield for each element of an array, until it returns false. Of what is
// no right JSON it yields what it can.
func elements(array []byte, yield func(element []byte) bool) {
	rest := skip(array)
	for first := true; len(rest) > 0; first = false {
		if c := rest[0]; c != ',' && !(first && c == '[') {
			return
		}
		v, next, ok := value(rest[1:])
		if rest = next; !ok || !yield(v) {
			return
		}
	}
}

// members calls yield for each member of an object. Of what is no right JSON it yields
// what it can; names are as they stand, with their quotes.
func members(object []byte, yield func(name, v []byte)) {
	rest := skip(object)
	for first := true; len(rest) > 0; first = false {
		if c := rest[0]; c != ',' && !(first && c == '{') {
			return
		}
		name, next, ok := value(rest[1:])
		if !ok || len(next) == 0 || next[0] != ':' {
			return
		}
		v, next, ok := value(next[1:])
		if rest = next; !ok {
			return
		}
		yield(name, v)
	}
}
