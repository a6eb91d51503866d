package endpoint

import (
	"context"
	"io"
	"math"
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
		"WithSlowStart":       WithSlowStart(time.Second), // or it would hold where a node returns, and not where it joins
		"WithoutSlowStart":    WithoutSlowStart(),
		"":                    Options(WithSlowStart(0), WithPolicy(RoundRobin), WithRetry(2, 0), WithKeepNodes(0, 0), WithSubset(0, 0)),
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

// Zero is the default of an option that takes a time or a number, and no error.
func TestZeroOfAnOptionIsItsDefault(t *testing.T) {
	for name, opt := range map[string]Option{
		"WithRefreshInterval": WithRefreshInterval(0),
		"WithHedging":         WithHedging(0),
		"WithPerTryTimeout":   WithPerTryTimeout(0),
		"WithMaxWaiting":      WithMaxWaiting(0),
		"WithBackoff":         WithBackoff(time.Second, 0),
	} {
		s := NewSet(sd.FixedInstancer{"tcp://a:1"}, nil, opt)
		if err := s.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// Nor does that do anything for what is made by hand.
func TestWhatIsMadeByHandRefusesTheOptionsOfASet(t *testing.T) {
	for name, opt := range map[string]Option{
		"WithKeepNodes":       WithKeepNodes(time.Second, 0),
		"WithRefreshInterval": WithRefreshInterval(time.Second),
		"WithZone":            Options(WithZone("north")),
		"WithSubset":          WithSubset(2, 0),
		"WithHashedSubset":    WithHashedSubset(2, ""),
		"":                    Options(WithPolicy(RoundRobin), WithSlowStart(time.Second), WithKeepNodes(0, 0), WithZone("")),
	} {
		for what, make := range map[string]func() error{
			"Retry": func() error {
				_, err := Retry(3, 0, NewBalancer((&fleet{}).nodes("a")), opt)(t.Context(), nil)
				return err
			},
			"NewBalancer":  func() error { _, err := NewBalancer((&fleet{}).nodes("a"), opt).Pick(); return err },
			"Factory":      func() error { _, _, err := Factory(bareClient, opt)("a:1"); return err },
			"NewDirectory": func() error { _, _, err := NewDirectory(bareClient, opt).Factory("a:1"); return err },
		} {
			err := make()
			if name == "" {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				continue
			}
			mustBe(t, err, ErrInvalidOption)
			if want := what + ": " + name + " is for NewSet"; err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %s", err, want)
			}
		}
	}
}

// The longest time and the largest number are for ever, and as many as there are.
func TestTheLongestTimesAreForEver(t *testing.T) {
	const most = time.Duration(math.MaxInt64)
	for name, opts := range map[string][]Option{
		"WithRetry":            {WithRetry(3, most), WithPerTryTimeout(most)},
		"WithBackoff":          {WithRetry(3, 0), WithBackoff(most, most)},
		"WithHedging":          {WithHedging(most), WithWait(most), WithMaxWaiting(math.MaxInt)},
		"WithSlowStart":        {WithSlowStart(most), WithKeepNodes(most-1, most-1), WithRefreshInterval(most)},
		"WithSubset":           {WithSubset(math.MaxInt, math.MaxInt)},
		"WithSubset of a zone": {WithSubset(math.MaxInt, 0), WithZone("a")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := discover("a:1")
				s := NewSet(d, nil, append(opts, WithIdempotent(Always))...)
				defer s.Close()
				ep := s.EndpointFrom("M", func(string) (endpoint.Endpoint, io.Closer, error) {
					return func(ctx context.Context, _ any) (any, error) { time.Sleep(time.Second); return nil, ctx.Err() }, nil, nil
				})
				d.send(sd.Event{Instances: []string{"a:1", "b:1", "c:1"}})
				synctest.Wait()
				equal(t, "nodes", addresses(s), "a:1 b:1 c:1")
				for _, own := range []CallOption{nil, CallTimeout(most), CallWait(most), CallHedge(most)} {
					ctx := t.Context()
					if own != nil {
						ctx = WithCallOptions(ctx, own)
					}
					if _, err := Timeout(most)(ep)(ctx, nil); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
	for _, b := range []backoff{{most, most}, {1, most}} {
		if d := b.wait(100); d < 0 {
			t.Errorf("a pause of %v", d)
		}
	}
}
