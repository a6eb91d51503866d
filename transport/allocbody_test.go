package transport_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// filled is the body that fillBody makes of it, and its own request and answer.
type filled struct {
	size  int
	nonce uint64
}

func encodeFilled(_ context.Context, m *transport.Message, value any) error {
	f := value.(filled)
	fillBody(m.AllocBody(f.size), f.nonce)
	return nil
}

// encodeGrown is encodeFilled into memory that is too small for it.
func encodeGrown(_ context.Context, m *transport.Message, value any) error {
	f := value.(filled)
	body := make([]byte, f.size)
	fillBody(body, f.nonce)
	m.Body = append(m.AllocBody(f.size / 2)[:0], body...)
	return nil
}

func decodeFilled(_ context.Context, m *transport.Message) (any, error) {
	f := filled{size: len(m.Body)}
	if f.size >= 8 {
		f.nonce = binary.BigEndian.Uint64(m.Body)
	}
	if !isBody(m.Body, f.size, f.nonce) {
		f.size = -1
	}
	m.ReleaseBody()
	return f, nil
}

// TestAllocBody: bodies in memory that is used again arrive as they were made, also where they
// have grown out of it, where a hook has put another in their place, and where the answer
// becomes an error.
func TestAllocBody(t *testing.T) {
	refused := func(_ context.Context, m *transport.Message, value any) error {
		_ = encodeFilled(context.Background(), m, value)
		return &transport.Error{Code: transport.CodeUnavailable, Message: "no"}
	}
	s := serve(t, map[string]*transport.Server{
		"Filled":  transport.NewServer(echo, decodeFilled, encodeFilled),
		"Inline":  transport.NewServer(echo, decodeFilled, encodeFilled, transport.ServerInline()),
		"Grown":   transport.NewServer(echo, decodeFilled, encodeGrown),
		"Refused": transport.NewServer(echo, decodeFilled, refused),
	})
	replaced := transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
		m.Body = append([]byte(nil), m.Body...)
		return ctx
	})
	pool, ctx := newPool(t), testContext(t)
	var wg sync.WaitGroup
	caller := uint64(0)
	for _, method := range []string{"Filled", "Inline", "Grown", "Refused"} {
		for name, c := range map[string]struct {
			enc     transport.EncodeRequestFunc
			options []transport.ClientOption
		}{"filled": {encodeFilled, nil}, "grown": {encodeGrown, nil}, "replaced": {encodeFilled, []transport.ClientOption{replaced}}} {
			call := transport.NewClient(pool, s.node, native.Protocol{}, method, c.enc, decodeFilled, c.options...).Endpoint()
			caller++
			nonce := caller << 40
			wg.Go(func() {
				for i := range 60 {
					want := filled{[]int{0, 8, 128, 4 << 10, 5000, 64 << 10}[i%6] &^ 7, nonce + uint64(i)<<20}
					if want.size == 0 {
						want.nonce = 0
					}
					got, err := call(ctx, want)
					if method == "Refused" {
						if e := (*transport.Error)(nil); !errors.As(err, &e) || e.Code != transport.CodeUnavailable || e.Message != "no" {
							t.Errorf("%s, %s: %v", method, name, err)
						}
					} else if err != nil || got != want {
						t.Errorf("%s, %s: %+v, %v; want %+v", method, name, got, err, want)
					}
				}
			})
		}
	}
	bounded.Wait(t, wg.Wait)
}

// TestAllocationsOfAllocBody: a body of any size adds none to the contexts of both sides.
func TestAllocationsOfAllocBody(t *testing.T) {
	skipAllocations(t)
	ctx := testContext(t)
	for _, size := range []int{128, 4 << 10, 32 << 10} {
		var request any = filled{size, 1}
		dec := func(_ context.Context, m *transport.Message) (any, error) {
			m.ReleaseBody()
			return request, nil
		}
		s := serve(t, map[string]*transport.Server{"Echo": transport.NewServer(echo, dec, encodeFilled)})
		call := transport.NewClient(newPool(t), s.node, native.Protocol{}, "Echo", encodeFilled, dec).Endpoint()
		got := bounded.Allocs(500, func() {
			if _, err := call(ctx, request); err != nil {
				t.Fatal(err)
			}
		})
		if got > 2 {
			t.Errorf("%v allocations a call of %d bytes, at most 2 are allowed", got, size)
		}
	}
}
