package jsonrpc

import (
	"bytes"
	"strconv"
)

var null = []byte("null")

// envelope are the members of a request or an answer, as they stand in it; nil: absent.
// Of a member that is there twice, the last counts, as in encoding/json.
type envelope struct {
	version, method, params, id, result, failure, goingAway []byte
}

// open looks at the members of an object. What is none has no members.
func open(object []byte) (e envelope) {
	var memory [longestName]byte
	members(object, func(name, v []byte) {
		switch string(plain(memory[:0], name)) {
		case "jsonrpc":
			e.version = v
		case "method":
			e.method = v
		case "params":
			e.params = v
		case "id":
			e.id = v
		case "result":
			e.result = v
		case "error":
			e.failure = v
		case "goingAway":
			e.goingAway = v
		}
	})
	return e
}

// longestName is the length of the longest name that means anything here, with room: that
// of a word in an error's data.
const longestName = 32

// plain appends the text of a string literal to dst, which has room for longestName bytes.
// It is for names that are looked for, of letters and hyphens: what cannot be one of those
// is nil. So a name costs no memory, whatever it is, and however it is spelled.
func plain(dst, literal []byte) []byte {
	if len(literal) < 2 || len(literal) > 2+6*longestName { // each byte may be written as \u0061
		return nil
	}
	for b := literal[1 : len(literal)-1]; len(b) > 0; {
		c, n := b[0], 1
		if c == '\\' {
			if len(b) < 6 || b[1] != 'u' {
				return nil
			}
			v, err := strconv.ParseUint(string(b[2:6]), 16, 8)
			if err != nil {
				return nil
			}
			c, n = byte(v), 6
		}
		if len(dst) == longestName {
			return nil
		}
		dst, b = append(dst, c), b[n:]
	}
	return dst
}

// absent reports whether a member is not there, or null.
func absent(v []byte) bool { return len(v) == 0 || bytes.Equal(v, null) }

// is2 reports whether the version is given, and not one of those before 2.0.
func (e *envelope) is2() bool {
	return e.version != nil && !bytes.HasPrefix(e.version, []byte(`"1.`))
}

// isAnswer reports whether this is, or wants to be, the answer to a call.
func (e *envelope) isAnswer() bool { return e.method == nil && (e.result != nil || e.failure != nil) }

// number returns 0 for an id that no Client has used.
func number(id []byte) uint32 {
	if len(id) > len("4294967295") { // the error of a number would be as long as that
		return 0
	}
	n, err := strconv.ParseUint(string(id), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// isID reports whether 2.0 allows an id: a string, a number or null.
func isID(id []byte) bool {
	return id[0] == '"' || id[0] == '-' || id[0] >= '0' && id[0] <= '9' || bytes.Equal(id, null)
}
