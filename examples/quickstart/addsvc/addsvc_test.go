package addsvc

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"
)

func TestEndpoints(t *testing.T) {
	e := NewEndpoints(NewService())
	tests := []struct {
		call    endpoint.Endpoint
		request any
		want    any
		refusal error
	}{
		{e.Sum, SumRequest{40, 2}, SumResponse{V: 42}, nil},
		{e.Sum, SumRequest{math.MaxInt, 1}, nil, ErrOverflow},
		{e.Sum, SumRequest{math.MinInt, -1}, nil, ErrOverflow},
		{e.Sum, SumRequest{math.MinInt, 0}, SumResponse{V: math.MinInt}, nil},
		{e.Concat, ConcatRequest{"mux", "kit"}, ConcatResponse{V: "muxkit"}, nil},
		{e.Concat, ConcatRequest{strings.Repeat("é", maxText), ""}, ConcatResponse{V: strings.Repeat("é", maxText)}, nil},
		{e.Concat, ConcatRequest{strings.Repeat("é", maxText), "x"}, nil, ErrTooLong},
	}
	for _, tt := range tests {
		got, err := tt.call(context.Background(), tt.request)
		if err != nil {
			t.Errorf("%+v: %v", tt.request, err)
			continue
		}
		if refused := got.(endpoint.Failer).Failed(); !errors.Is(refused, tt.refusal) {
			t.Errorf("%+v: refusal %v, want %v", tt.request, refused, tt.refusal)
		}
		if tt.refusal == nil && got != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.request, got, tt.want)
		}
	}
}

func TestUnknownRefusal(t *testing.T) {
	if err := (SumResponse{Err: "a new one"}).Failed(); err == nil || err.Error() != "a new one" {
		t.Errorf("got %v", err)
	}
}
