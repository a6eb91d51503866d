// Package stringsvc is the service of Go kit's tutorial: it uppercases strings
// and counts their characters. The programs beside it serve and call it over
// muxkit:
//
//	go run ./examples/stringsvc/server -listen 127.0.0.1:8080
//	go run ./examples/stringsvc/client -nodes 127.0.0.1:8080 hello
//
// The service, its endpoints and its middlewares are plain Go kit; only
// transport.go and the two mains know of muxkit.
package stringsvc

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"
)

// Service works on strings.
type Service interface {
	Uppercase(ctx context.Context, s string) (string, error)
	Count(ctx context.Context, s string) int
}

// Middleware wraps a Service.
type Middleware func(Service) Service

// ErrEmpty: there is nothing to uppercase.
var ErrEmpty = errors.New("stringsvc: empty string")

// New returns the service itself.
func New() Service { return service{} }

type service struct{}

func (service) Uppercase(_ context.Context, s string) (string, error) {
	if s == "" {
		return "", ErrEmpty
	}
	return strings.ToUpper(s), nil
}

func (service) Count(_ context.Context, s string) int { return utf8.RuneCountInString(s) }
