// Package addsvc is a Go kit service of the usual three layers: the service, its
// endpoints, and its transport. Only the last knows of muxkit.
package addsvc

import (
	"context"
	"errors"
	"unicode/utf8"
)

// Service adds things together.
type Service interface {
	Sum(ctx context.Context, a, b int) (int, error)
	Concat(ctx context.Context, a, b string) (string, error)
}

// The refusals of the service.
var (
	ErrOverflow = errors.New("addsvc: the sum does not fit")
	ErrTooLong  = errors.New("addsvc: the text is too long")
)

// maxText is the longest result of Concat, in characters.
const maxText = 64

// NewService returns the one implementation.
func NewService() Service { return basic{} }

type basic struct{}

func (basic) Sum(_ context.Context, a, b int) (int, error) {
	v := a + b
	if (v > a) != (b > 0) {
		return 0, ErrOverflow
	}
	return v, nil
}

func (basic) Concat(_ context.Context, a, b string) (string, error) {
	v := a + b
	if utf8.RuneCountInString(v) > maxText {
		return "", ErrTooLong
	}
	return v, nil
}
