package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
)

// EncodeRequestFunc puts a user-domain request into the request's Body, and into
// its metadata if it wants.
type EncodeRequestFunc func(ctx context.Context, req *Message, request any) error

// DecodeResponseFunc makes a user-domain response of an answer. What it returns
// may refer to resp.Body unless it calls resp.ReleaseBody.
type DecodeResponseFunc func(ctx context.Context, resp *Message) (response any, err error)

// DecodeRequestFunc makes a user-domain request of a request. What it returns may
// refer to req.Body unless it calls req.ReleaseBody.
type DecodeRequestFunc func(ctx context.Context, req *Message) (request any, err error)

// EncodeResponseFunc puts a user-domain response into the answer's Body, and into
// its metadata if it wants. The Body must not be changed afterwards.
type EncodeResponseFunc func(ctx context.Context, resp *Message, response any) error

// EncodeJSON is an EncodeRequestFunc and an EncodeResponseFunc: the value as JSON.
func EncodeJSON(_ context.Context, m *Message, value any) error {
	e := jsonEncoders.Get().(*jsonEncoder)
	e.to, e.begun = m, false
	if err := e.Encode(value); err != nil {
		return err
	}
	m.Body = m.Body[:len(m.Body)-1] // less the newline that an Encoder adds
	e.to = nil
	jsonEncoders.Put(e)
	return nil
}

// jsonEncoder writes into a message's body: json.Marshal would return memory that nobody gives
// back.
type jsonEncoder struct {
	*json.Encoder
	to    *Message
	begun bool
}

var jsonEncoders = sync.Pool{New: func() any {
	e := new(jsonEncoder)
	e.Encoder = json.NewEncoder(e)
	return e
}}

// Write implements io.Writer, for the Encoder.
func (e *jsonEncoder) Write(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		e.to.Body = e.to.AllocBody(len(b))[:0]
	}
	e.to.Body = append(e.to.Body, b...)
	return len(b), nil
}

// DecodeJSON is a DecodeRequestFunc and a DecodeResponseFunc: it decodes a JSON
// body into a new T and returns the T. DecodeJSON[*T] returns a pointer.
func DecodeJSON[T any](_ context.Context, m *Message) (any, error) {
	var v T
	if err := json.Unmarshal(m.Body, &v); err != nil {
		return nil, err
	}
	m.ReleaseBody() // json.Unmarshal copies all that it keeps, and so must every Unmarshaler
	return v, nil
}

// EncodeBytes is an EncodeRequestFunc and an EncodeResponseFunc for values of type
// []byte, which are the body. They are not copied: leave them unchanged until
// the call ended.
func EncodeBytes(_ context.Context, m *Message, value any) error {
	b, ok := value.([]byte)
	if !ok {
		return fmt.Errorf("transport: EncodeBytes got a %T, not a []byte", value)
	}
	m.Body = b
	return nil
}

// DecodeBytes is a DecodeRequestFunc and a DecodeResponseFunc: the body, as a
// []byte that its receiver owns.
func DecodeBytes(_ context.Context, m *Message) (any, error) {
	// A copy is cheaper than the frame's memory, which is up to twice as large and
	// is used again.
	m.ReleaseBody()
	return bytes.Clone(m.Body), nil
}

// NopRequestDecoder is a DecodeRequestFunc for requests that need no decoding: it
// returns nil, nil.
func NopRequestDecoder(_ context.Context, m *Message) (any, error) {
	m.ReleaseBody()
	return nil, nil
}

// ignoresContext reports whether a codec is one of this package's that looks neither at
// its context nor at the message's Timeout. The address tells: none of them is a closure,
// so the same code does the same.
func ignoresContext[F EncodeRequestFunc | DecodeResponseFunc](codec F) bool {
	address := reflect.ValueOf(codec).Pointer()
	for _, known := range contextless {
		if address == known {
			return true
		}
	}
	return false
}

var contextless = []uintptr{
	reflect.ValueOf(EncodeBytes).Pointer(), reflect.ValueOf(DecodeBytes).Pointer(),
	reflect.ValueOf(EncodeBuffer).Pointer(), reflect.ValueOf(DecodeBuffer).Pointer(),
	reflect.ValueOf(EncodeJSON).Pointer(), reflect.ValueOf(NopRequestDecoder).Pointer(),
}
