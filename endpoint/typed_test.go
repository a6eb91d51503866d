package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"
)

type sumRequest struct{ A, B int }
type sumResponse struct{ V int }

func answering(response any, err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return response, err }
}

func TestTypedPassesRequestAndAnswer(t *testing.T) {
	sum := TypedFrom[sumRequest, sumResponse](func(_ context.Context, request any) (any, error) {
		r := request.(sumRequest)
		return sumResponse{r.A + r.B}, nil
	})
	got, err := sum(t.Context(), sumRequest{1, 2})
	if got.V != 3 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTypedTellsAnAnswerOfAnotherType(t *testing.T) {
	for _, response := range []any{nil, 7, &sumResponse{}, sumRequest{}} {
		_, err := TypedFrom[sumRequest, sumResponse](answering(response, nil))(t.Context(), sumRequest{})
		mustBe(t, err, ErrType)
		for _, want := range []string{fmt.Sprintf("%T", response), "endpoint.sumResponse"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not name %s", err, want)
			}
		}
	}
}

func TestTypedPassesErrorsAsTheyAre(t *testing.T) {
	got, err := TypedFrom[int, int](answering(7, io.EOF))(t.Context(), 1)
	if got != 0 || err != io.EOF {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTypedInterfaces(t *testing.T) {
	if got, err := TypedFrom[int, fmt.Stringer](answering(nil, nil))(t.Context(), 1); got != nil || err != nil {
		t.Errorf("nil answer: %v, %v", got, err)
	}
	_, err := TypedFrom[int, fmt.Stringer](answering(7, nil))(t.Context(), 1)
	if !errors.Is(err, ErrType) || !strings.Contains(err.Error(), "fmt.Stringer") {
		t.Error(err)
	}
	if _, err := TypedFrom[int, *int](answering((*int)(nil), nil))(t.Context(), 1); err != nil {
		t.Errorf("a nil pointer of the type: %v", err)
	}
}

func TestTypedOfNil(t *testing.T) {
	_, err := TypedFrom[int, int](nil)(t.Context(), 1)
	mustBe(t, err, ErrInvalidOption)
}

func TestTypedBackToAnEndpoint(t *testing.T) {
	ep := Typed[int, int](func(_ context.Context, n int) (int, error) { return n + 1, nil }).Endpoint()
	if got, err := ep(t.Context(), 1); got != 2 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	_, err := ep(t.Context(), "one")
	mustBe(t, err, ErrType)
	_, err = ep(t.Context(), nil)
	mustBe(t, err, ErrType)
	if _, err := Typed[error, int](func(_ context.Context, e error) (int, error) { return 0, e }).Endpoint()(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
