package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/muxkit/muxkit/transport"
)

// request is what the answer to a request needs to know of it. It is its Message's Tag.
type request struct {
	two    bool   // it is answered in 2.0
	id     []byte // as it came; nil if there is none
	params []byte // likewise; valid as long as the request's body
}

// Params returns the params of a request as they came, nil if there are none: an array,
// an object or, in 1.0, any value. For a decode function, whose Message's Body is the
// only element of an array that has one. They are valid until that function returns.
func Params(req *transport.Message) []byte {
	if r, ok := req.Tag.(*request); ok {
		return r.params
	}
	return nil
}

// DecodeParams is the transport.DecodeRequestFunc that makes a T of the params as they
// came, for methods that take any number of positions: a []int, say.
func DecodeParams[T any](_ context.Context, req *transport.Message) (any, error) {
	var v T
	if err := json.Unmarshal(orNull(Params(req)), &v); err != nil {
		return nil, fmt.Errorf("jsonrpc: params: %w", err)
	}
	req.ReleaseBody()
	return v, nil
}

// invalid is the error of a request that is none.
func invalid(why string) error {
	return &transport.Error{Code: transport.CodeInvalidArgument, Status: numberNoRequest, Message: "Invalid Request: " + why}
}

// ParseRequest implements transport.ServerProtocol. The request's id may be any JSON
// value that its version allows.
func (p Protocol) ParseRequest(frame []byte, req *transport.Message) error {
	if len(frame) == 0 || frame[0] != '{' { // a batch without calls, or something in a batch
		req.Tag = &request{two: true}
		return invalid("it is no object, and no batch of requests")
	}
	e := open(frame)
	r := &request{two: p.answers2(&e), id: bytes.Clone(e.id), params: e.params}
	req.Copied(len(r.id))
	req.Tag = r // before all that may be wrong: the error is for this id
	req.OneWay = e.isAnswer() || !r.two && absent(e.id)
	if e.isAnswer() {
		return invalid("it is an answer") // which is not answered: it may come back
	}
	if err := p.fault(&e, r); err != nil {
		return err
	}
	if err := setMethod(req, e.method); err != nil {
		return err
	}
	req.OneWay = req.OneWay || r.two && e.id == nil
	req.Body = e.params
	if one := onlyElement(e.params); one != nil {
		req.Body = one
	}
	return nil
}

// longestMethod is how many bytes the name of a method may have, as it is written.
const longestMethod = math.MaxUint16

// setMethod reads the name of the method. One that is written as it is costs no memory if the
// Service has it.
func setMethod(req *transport.Message, literal []byte) error {
	if len(literal) > len(`""`)+longestMethod {
		return invalid(fmt.Sprintf("the method is written with %d bytes, at most %d are allowed", len(literal)-len(`""`), longestMethod))
	}
	if name := literal[1 : len(literal)-1]; bytes.IndexByte(name, '\\') < 0 && utf8.Valid(name) {
		req.SetMethod(name)
		return nil
	}
	if err := json.Unmarshal(literal, &req.Method); err != nil {
		return invalid("the method is no string")
	}
	return nil
}

// answers2 reports whether a request is answered in 2.0: also one that could be of any
// version, as nothing says that it is a notification of 1.0.
func (p Protocol) answers2(e *envelope) bool {
	switch p.Version {
	case Version1:
		return false
	case Version2:
		return true
	}
	return e.is2() || e.method == nil && e.id == nil
}

// fault reports what is wrong with a request.
func (p Protocol) fault(e *envelope, r *request) error {
	switch {
	case r.two && string(e.version) != `"2.0"`:
		return invalid(`the member jsonrpc is not "2.0"`)
	case p.Version == Version1 && e.is2():
		return invalid("this service speaks JSON-RPC 1.0")
	case r.two && e.id != nil && !isID(e.id):
		r.id = nil
		return invalid("the id is no string, number or null")
	case r.two && e.params != nil && e.params[0] != '{' && e.params[0] != '[':
		return invalid("the params are no array or object")
	case len(e.method) == 0 || e.method[0] != '"':
		return invalid("the method is no string")
	case string(e.method) == `""`:
		return invalid("the method is empty")
	}
	return nil
}

// onlyElement returns the element of an array that has one; nil if b is none.
func onlyElement(b []byte) (element []byte) {
	if len(b) == 0 || b[0] != '[' {
		return nil
	}
	n := 0
	elements(b, func(v []byte) bool {
		element = v
		n++
		return n < 2
	})
	if n != 1 {
		return nil
	}
	return element
}

// nothing is the result of a call of 1.0 that has none, or null: net/rpc takes an answer
// whose result and error are both null for a broken one, and ends the connection.
const nothing = `{}`

// AppendResponse implements transport.ServerProtocol.
func (Protocol) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	r, ok := req.Tag.(*request)
	if !ok {
		r = &request{id: fmt.Append(nil, id)}
	}
	if (r.two || resp.Err == nil) && len(resp.Body) > 0 && !json.Valid(resp.Body) {
		return dst, fmt.Errorf("jsonrpc: the body is not a JSON value: %.40q", resp.Body)
	}
	if r.two {
		return appendResponse2(dst, r, resp)
	}
	return appendResponse1(dst, r, req, resp)
}

func appendResponse1(dst []byte, r *request, req, resp *transport.Message) ([]byte, error) {
	dst = append(dst, `{"id":`...)
	dst = append(dst, orNull(r.id)...)
	if resp.Err != nil {
		text, err := json.Marshal(errorText(req, resp.Err))
		if err != nil {
			return dst, err
		}
		dst = append(dst, `,"result":null,"error":`...)
		dst = append(dst, text...)
		return appendEnd(dst, resp), nil
	}
	dst = append(dst, `,"result":`...)
	if body := bytes.TrimSpace(resp.Body); absent(body) {
		dst = append(dst, nothing...)
	} else {
		dst = append(dst, body...)
	}
	return appendEnd(append(dst, `,"error":null`...), resp), nil
}

// appendEnd ends an answer. JSON-RPC has no frame that asks a client to go: a member
// "goingAway" that is true does, beside the others, where clients pass over what they do
// not know.
func appendEnd(dst []byte, resp *transport.Message) []byte {
	if resp.GoingAway {
		dst = append(dst, `,"goingAway":true`...)
	}
	return append(dst, "}\n"...)
}

func appendResponse2(dst []byte, r *request, resp *transport.Message) ([]byte, error) {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = append(dst, orNull(r.id)...)
	if resp.Err == nil {
		dst = append(dst, `,"result":`...)
		dst = append(dst, orNull(resp.Body)...)
		return appendEnd(dst, resp), nil
	}
	dst = append(dst, `,"error":`...)
	dst, err := appendErrorObject(dst, resp)
	return appendEnd(dst, resp), err
}

// AppendFarewell implements transport.Farewell.
func (Protocol) AppendFarewell(dst []byte, err error) []byte {
	var b *broken
	if !errors.As(err, &b) {
		return dst
	}
	resp := transport.Message{Err: &transport.Error{Code: transport.CodeInvalidArgument, Status: b.number, Message: b.Error()}}
	if b.number == numberNoJSON {
		resp.Err.Message = "Parse error: " + resp.Err.Message
	}
	words, err := appendResponse2(nil, &request{two: true, id: b.id}, &resp)
	if err != nil {
		return dst
	}
	return append(dst, words...)
}
