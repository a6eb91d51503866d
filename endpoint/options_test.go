package endpoint

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
)

// Options has the effect of all of its options, in order, and tells of each that is wrong.
func TestOptionsAreEachOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{do: script(errLost, errLost)}
		all := Options(WithIdempotent(nil), WithBackoff(1, 1), Options(WithIdempotent(Always)))
		if _, err := Retry(3, time.Second, NewBalancer(f.nodes(abc...), WithPolicy(RoundRobin)), all)(t.Context(), nil); err != nil {
			t.Error(err)
		}
		equal(t, "attempts", len(f.called()), 3)
	})
	_, err := Retry(1, 0, NewBalancer((&fleet{}).nodes("a")), Options(nil, WithHedging(-1)))(t.Context(), nil)
	mustBe(t, err, ErrInvalidOption)
	for _, want := range []string{"nil Option", "WithHedging(-1ns)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

// What says which nodes a Set has does nothing for one of its methods, and is refused there, by its name.
func TestAMethodRefusesTheOptionsOfItsSet(t *testing.T) {
	s := NewSet(sd.FixedInstancer{"tcp://a:1"}, nil)
	defer s.Close()
	answers := func(string) (endpoint.Endpoint, io.Closer, error) { return endpoint.Nop, nil, nil }
	for name, opt := range map[string]Option{
		"WithNodeParser":      WithNodeParser(ParseNode),
		"WithKeepNodes":       WithKeepNodes(time.Second, 0),
		"WithRefreshInterval": WithRefreshInterval(time.Second),
		"WithZone":            Options(WithZone("north")),
		"WithSubset":          WithSubset(2, 0),
		"":                    Options(WithPolicy(RoundRobin), WithRetry(2, 0), WithKeepNodes(0, 0), WithSubset(0, 0)),
	} {
		_, err := s.EndpointFrom("M", answers, opt)(t.Context(), nil)
		if name == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		mustBe(t, err, ErrInvalidOption)
		if !strings.Contains(err.Error(), name+" is for NewSet") {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
