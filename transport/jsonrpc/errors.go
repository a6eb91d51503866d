package jsonrpc

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/transport"
)

// The numbers that the specification gives to errors. Those from firstReserved to
// lastReserved are its own; of these, the ones from serverRange down to -32099 are for
// servers, who say what they mean.
const (
	numberNoJSON    = -32700
	numberNoRequest = -32600
	numberNoMethod  = -32601
	numberNoParams  = -32602
	numberInternal  = -32603

	firstReserved = -32768
	lastReserved  = -32000
	serverRange   = -32000
	serverNumbers = 99

	numberBusiness = serverRange + int(transport.CodeBusiness) // a number of a service's own
)

// codeOf says what a number means that nothing else was said about.
func codeOf(number int) transport.Code {
	switch number {
	case numberNoJSON, numberNoRequest, numberNoParams:
		return transport.CodeInvalidArgument
	case numberNoMethod:
		return transport.CodeUnimplemented
	case numberInternal:
		return transport.CodeInternal
	case 0: // what json-rpc-2.0 of npm answers for whatever its method threw
		return transport.CodeUnknown
	}
	if number >= firstReserved && number <= lastReserved {
		return transport.CodeUnknown
	}
	return transport.CodeBusiness
}

// numberOf is the number for a code.
func numberOf(c transport.Code) int {
	switch c {
	case transport.CodeInvalidArgument:
		return numberNoParams
	case transport.CodeUnimplemented:
		return numberNoMethod
	case transport.CodeInternal:
		return numberInternal
	case transport.CodeBusiness:
		return numberBusiness
	}
	if c > serverNumbers {
		return serverRange // of a newer version: the words say which
	}
	return serverRange - int(c)
}

// errorObject is an error of 2.0.
type errorObject struct {
	Code    json.Number     `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// prefix is what the names of the transport's own words begin with.
const prefix = "mux-"

// appendErrorObject appends the error object for an answer.
func appendErrorObject(dst []byte, resp *transport.Message) ([]byte, error) {
	e := resp.Err
	code := e.Code.Travels()
	number := e.Status
	if number == 0 {
		number = numberOf(code)
	}
	words := make(map[string]string)
	if code != codeOf(number) {
		words[transport.MetadataCode] = strconv.Itoa(int(code))
	}
	if e.NotRun && number != numberNoRequest && number != numberNoJSON { // these are no requests
		words[transport.MetadataNotRun] = "1"
	}
	for _, name := range []string{transport.MetadataRetryAfter, transport.MetadataNoRetry} {
		if v, ok := resp.Metadata[name]; ok {
			words[name] = v
		}
	}
	object, err := json.Marshal(errorObject{json.Number(strconv.Itoa(number)), message(e), withWords(resp.Body, words)})
	return append(dst, object...), err
}

func message(e *transport.Error) string {
	switch {
	case e.Code == transport.CodeUnimplemented && e.NotRun:
		return "Method not found"
	case e.Message == "":
		return e.Code.Travels().String()
	}
	return e.Message
}

// withWords puts the transport's own words among the members of data, and takes out
// what looks like them: it may be the data of an answer that is passed on. What else is in
// it stays as it is.
func withWords(data []byte, words map[string]string) json.RawMessage {
	if len(data) > 0 && skip(data)[0] != '{' {
		return data
	}
	rest, _ := takeWords(data)
	if len(words) == 0 {
		return rest
	}
	object := []byte("{")
	if rest = bytes.TrimSpace(rest); len(rest) > 0 {
		object = bytes.Clone(rest[:len(rest)-len("}")])
	}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		if len(skip(object[1:])) > 0 {
			object = append(object, ',')
		}
		object = append(strconv.AppendQuote(object, name), ':')
		object = strconv.AppendQuote(object, words[name])
	}
	return append(object, '}')
}

// readErrorObject reads an error object: the error, and its data as the body.
func readErrorObject(raw []byte, resp *transport.Message) error {
	var o errorObject
	if err := json.Unmarshal(raw, &o); err != nil {
		return &transport.Error{Code: transport.CodeUnknown, Message: string(raw)}
	}
	e := &transport.Error{Code: transport.CodeUnknown, Message: o.Message}
	if n, err := strconv.Atoi(o.Code.String()); err == nil {
		e.Code, e.Status = codeOf(n), n
	}
	data, words := takeWords(o.Data)
	resp.Body = data
	if n, err := strconv.ParseUint(words[transport.MetadataCode], 10, 8); err == nil {
		e.Code = transport.Code(n).Travels()
	}
	if e.Status == numberOf(e.Code) {
		e.Status = 0
	}
	e.NotRun = words[transport.MetadataNotRun] == "1"
	for _, name := range []string{transport.MetadataRetryAfter, transport.MetadataNoRetry} {
		if v, ok := words[name]; ok {
			resp.Set(name, v)
		}
	}
	return e
}

// takeWords takes the transport's own words out of data. It returns nil for data in
// which nothing else is.
func takeWords(data []byte) (rest []byte, words map[string]string) {
	if absent(data) {
		return nil, nil
	}
	own, other := 0, 0
	var memory [longestName]byte
	members(data, func(name, v []byte) {
		word := plain(memory[:0], name)
		if !bytes.HasPrefix(word, []byte(prefix)) {
			other++
			return
		}
		own++
		var text string
		if len(v) <= longestWord && json.Unmarshal(v, &text) == nil {
			if words == nil {
				words = make(map[string]string)
			}
			words[string(word)] = text
		}
	})
	switch {
	case own == 0:
		return data, nil
	case other == 0:
		return nil, words
	}
	rest = append(make([]byte, 0, len(data)), '{')
	members(data, func(name, v []byte) {
		if bytes.HasPrefix(plain(memory[:0], name), []byte(prefix)) {
			return
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(append(append(rest, name...), ':'), v...)
	})
	return append(rest, '}'), words
}

// longestWord is how long the value of a word may be, which is a number at most.
const longestWord = 32

// net/rpc's words for a method that it does not have.
const (
	noService = "rpc: can't find service "
	noMethod  = "rpc: can't find method "
)

// shownMethod is how much of a client's method it is told again, in bytes.
const shownMethod = 80

// errorText is an error of 1.0: a text is all that net/rpc's clients take. It begins
// with the code's name, by which a Client of this package knows the code, unless
// nothing is known.
func errorText(req *transport.Message, e *transport.Error) string {
	code := e.Code.Travels()
	switch {
	case code == transport.CodeUnimplemented:
		return noMethod + text.Shown(req.Method, shownMethod)
	case e.Message == "":
		return code.String()
	case code == transport.CodeUnknown && !saysCode(e.Message):
		return e.Message
	}
	return code.String() + ": " + e.Message
}

// saysCode reports whether a text by itself would be read as one that begins with a code.
func saysCode(message string) bool {
	e := fromText(message)
	return e.Code != transport.CodeUnknown || e.Message != message
}

// readErrorText is the other side of errorText.
func readErrorText(raw []byte) *transport.Error {
	var message string
	if json.Unmarshal(raw, &message) != nil {
		message = string(raw)
	}
	return fromText(message)
}

// fromText is the error that a text tells of.
func fromText(message string) *transport.Error {
	e := &transport.Error{Code: transport.CodeUnknown, Message: message}
	if strings.HasPrefix(message, noService) || strings.HasPrefix(message, noMethod) {
		e.Code = transport.CodeUnimplemented
		return e
	}
	word, rest, _ := strings.Cut(message, ": ")
	for code := transport.CodeCanceled; code <= transport.CodeTooLarge; code++ {
		if word == code.String() {
			e.Code, e.Message = code, rest
		}
	}
	return e
}
