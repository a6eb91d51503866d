package jsonrpc

import (
	"bytes"
	"encoding/json"
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
	members(object, func(name, v []byte) {
		if bytes.IndexByte(name, '\\') >= 0 {
			var plain string
			if json.Unmarshal(name, &plain) != nil {
				return
			}
			name = append([]byte{'"'}, plain...)
			name = append(name, '"')
		}
		switch string(name) {
		case `"jsonrpc"`:
			e.version = v
		case `"method"`:
			e.method = v
		case `"params"`:
			e.params = v
		case `"id"`:
			e.id = v
		case `"result"`:
			e.result = v
		case `"error"`:
			e.failure = v
		case `"goingAway"`:
			e.goingAway = v
		}
	})
	return e
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
