package muxpool

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

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

// TestWhomANodeFits: a Get finds the node that it would have made, and no other.
func TestWhomANodeFits(t *testing.T) {
	name, config := Node{"tcp", "peer:1"}, new(tls.Config)
	with := func(set func(*GetOptions)) GetOptions {
		o := NewGetOptions()
		o.WithFrameParser(worldParser{})
		o.WithLocalAddr("127.0.0.1:0")
		o.WithDialTLS("", "", "ca.pem", "")
		o.identity.tlsConfig = config // which a Get would refuse, beside that
		set(&o)
		return o
	}
	opts := with(func(*GetOptions) {})
	key, err := opts.key(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct {
		name Node
		opts GetOptions
		fits bool
	}{
		"the same":                {name, opts, true},
		"with a timeout":          {name, with(func(o *GetOptions) { o.WithTimeout(time.Second) }), true},
		"a call of another kind":  {name, with(func(o *GetOptions) { o.WithOneWay(); o.WithVID(7); o.WithBulk(true) }), true},
		"another address":         {Node{"tcp", "peer:2"}, opts, false},
		"another network":         {Node{"tcp4", "peer:1"}, opts, false},
		"another parser":          {name, with(func(o *GetOptions) { o.WithFrameParser(scarceParser{}) }), false},
		"another local address":   {name, with(func(o *GetOptions) { o.WithLocalAddr("127.0.0.2:0") }), false},
		"other files":             {name, with(func(o *GetOptions) { o.WithDialTLS("", "", "other.pem", "") }), false},
		"another configuration":   {name, with(func(o *GetOptions) { o.WithTLSConfig(new(tls.Config)) }), false},
		"no configuration at all": {name, with(func(o *GetOptions) { o.identity.tlsConfig = nil }), false},
		"one that is nil":         {name, with(func(o *GetOptions) { o.identity.noTLS = true }), false},
		"a negative timeout":      {name, with(func(o *GetOptions) { o.WithTimeout(-1) }), false},
	} {
		if got := key.fits(&row.name, &row.opts); got != row.fits {
			t.Errorf("%s: the node fits %v", what, got)
		}
	}
}

// TestOptionsThatAreRefusedLater: of a node that is known and was used just now, too.
func TestOptionsThatAreRefusedLater(t *testing.T) {
	withWorld(t, worldParser{}, quietOptions(), func(t *testing.T, w *world) {
		w.mustGet(t.Context()).Close()
		w.mustGet(t.Context()).Close()
		for said, set := range map[string]func(*GetOptions){
			"WithTLSConfig(nil)": func(o *GetOptions) { o.WithTLSConfig(nil) },
			"WithTimeout(-1ns)":  func(o *GetOptions) { o.WithTimeout(-1) },
		} {
			opts := w.opts
			set(&opts)
			if _, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), said) {
				t.Errorf("%s: %v", said, err)
			}
		}
	})
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
