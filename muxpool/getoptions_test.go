package muxpool

import (
	"errors"
	"io"
	"math"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// layered is a parser as wrappers are: its values can be compared if what they hold can.
type layered struct {
	name  string
	inner any
}

func (layered) Parse(io.Reader) (uint32, []byte, error) { return 0, nil, io.EOF }

// TestOptionsOfACallCostNothing: options that are made anew for each call, as callers of
// tRPC-Go write, allocate nothing on the way to their node, whether or not that was the
// last one in its place.
func TestOptionsOfACallCostNothing(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	name := Node{"tcp", "127.0.0.1:9"}
	var parser FrameParser = layered{name: "p", inner: 7}
	for _, recent := range []bool{true, false} {
		var found *node
		n := bounded.Allocs(100, func() {
			opts := NewGetOptions()
			opts.WithFrameParser(parser)
			opts.WithLocalAddr("127.0.0.1:0")
			opts.WithVID(3)
			if !recent && found != nil {
				p.recent.drop(found)
			}
			if found, err = p.node(name, &opts); err != nil {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("recent %v: %v allocations", recent, n)
		}
	}
	if len(p.nodes) != 1 {
		t.Errorf("%d nodes, want 1", len(p.nodes))
	}
}

// TestParserThatEqualsNothing: what cannot be compared, or is not equal to itself, is
// refused, also when a node of its type is known.
func TestParserThatEqualsNothing(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	name := Node{"tcp", "127.0.0.1:9"}
	get := func(inner any) error {
		opts := NewGetOptions()
		opts.WithFrameParser(layered{inner: inner})
		_, err := p.node(name, &opts)
		return err
	}
	if err := get(1); err != nil {
		t.Fatal(err)
	}
	for _, inner := range []any{[]int{1}, math.NaN(), layered{inner: func() {}}} {
		if err := get(inner); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%T: %v", inner, err)
		}
	}
}
