package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
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
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	m.Body = b
	return nil
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
