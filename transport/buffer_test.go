package transport_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// fillBody is a body of n bytes that differs for every nonce, in each eight bytes.
func fillBody(b []byte, nonce uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], nonce+uint64(i))
	}
}

func isBody(b []byte, n int, nonce uint64) bool {
	want := make([]byte, n)
	fillBody(want, nonce)
	return bytes.Equal(b, want)
}

// TestBuffers: bodies of every size come back as they went, although their memory is
// used again by everybody, whoever releases them, keeps them, or drops them.
func TestBuffers(t *testing.T) {
	type keptBuffer struct {
		*transport.Buffer
		size  int
		nonce uint64 // at its arrival
	}
	kept := make(chan keptBuffer, 1<<14)
	reply := func(b *transport.Buffer) *transport.Buffer {
		r := transport.NewBuffer(len(b.Data))
		copy(r.Data, b.Data)
		return r
	}
	server := func(e func(*transport.Buffer) *transport.Buffer, options ...transport.ServerOption) *transport.Server {
		return transport.NewServer(func(_ context.Context, request any) (any, error) {
			return e(request.(*transport.Buffer)), nil
		}, transport.DecodeBuffer, transport.EncodeResponseBuffer, options...)
	}
	s := serve(t, map[string]*transport.Server{
		"Returned": server(func(b *transport.Buffer) *transport.Buffer { return b }),
		"Inline":   server(func(b *transport.Buffer) *transport.Buffer { return b }, transport.ServerInline()),
		"Released": server(func(b *transport.Buffer) *transport.Buffer { defer b.Release(); return reply(b) }),
		"Dropped":  server(reply),
		"Kept": server(func(b *transport.Buffer) *transport.Buffer {
			k := keptBuffer{b, len(b.Data), 0}
			if k.size >= 8 {
				k.nonce = binary.BigEndian.Uint64(b.Data)
			}
			kept <- k
			return reply(b)
		}),
		"Literal": server(func(b *transport.Buffer) *transport.Buffer {
			return &transport.Buffer{Data: bytes.Clone(b.Data)}
		}),
	})
	pool := newPool(t)
	ctx := testContext(t)
	var wg sync.WaitGroup
	for m, method := range []string{"Returned", "Inline", "Released", "Dropped", "Kept", "Literal"} {
		call := transport.NewClient(pool, s.node, native.Protocol{}, method, transport.EncodeBuffer, transport.DecodeBuffer).Endpoint()
		for c := range 4 {
			wg.Go(func() {
				var before *transport.Buffer // kept for the time of the next call
				var size int
				var nonce uint64
				rounds := 100
				if raceEnabled { // under which a body takes long
					rounds = 25
				}
				for i := range rounds {
					n := []int{0, 8, 128, 4 << 10, 5000, 64 << 10}[i%6] &^ 7
					next := uint64(m)<<48 | uint64(c)<<40 | uint64(i)<<20
					request := transport.NewBuffer(n)
					fillBody(request.Data, next)
					got, err := call(ctx, request)
					if err != nil {
						t.Error(err)
						return
					}
					if !isBody(request.Data, n, next) {
						t.Errorf("%s: the request was changed", method)
					}
					request.Release()
					if before != nil {
						if !isBody(before.Data, size, nonce) {
							t.Errorf("%s: an answer of %d bytes was changed before its release", method, size)
						}
						before.Release()
						before.Release()
					}
					before, size, nonce = got.(*transport.Buffer), n, next
					if !isBody(before.Data, n, next) {
						t.Errorf("%s: the answer is not that of the request of %d bytes", method, n)
					}
				}
			})
		}
	}
	bounded.Wait(t, wg.Wait)
	close(kept)
	for b := range kept {
		if !isBody(b.Data, b.size, b.nonce) {
			t.Fatal("a request that its endpoint keeps was changed")
		}
	}
}

// TestBuffersOfFailedCalls: what an endpoint did not return stays its own.
func TestBuffersOfFailedCalls(t *testing.T) {
	var held *transport.Buffer
	s := serve(t, map[string]*transport.Server{
		"Fail": transport.NewServer(func(_ context.Context, request any) (any, error) {
			held = request.(*transport.Buffer)
			return nil, transport.Business(7, "no")
		}, transport.DecodeBuffer, transport.EncodeResponseBuffer),
		"Nil": transport.NewServer(func(context.Context, any) (any, error) { return (*transport.Buffer)(nil), nil },
			transport.DecodeBuffer, transport.EncodeResponseBuffer),
		"Wrong": transport.NewServer(func(context.Context, any) (any, error) { return []byte("x"), nil },
			transport.DecodeBuffer, transport.EncodeResponseBuffer),
	})
	pool := newPool(t)
	call := func(method string, request any) error {
		_, err := transport.NewClient(pool, s.node, native.Protocol{}, method, transport.EncodeBuffer, transport.DecodeBuffer).
			Endpoint()(testContext(t), request)
		return err
	}
	request := &transport.Buffer{Data: []byte("payload")}
	if e := asError(t, call("Fail", request)); !e.Business() || e.Status != 7 {
		t.Errorf("got %v", e)
	}
	if string(held.Data) != "payload" {
		t.Errorf("the endpoint's request is %q", held.Data)
	}
	request.Release()
	for _, method := range []string{"Nil", "Wrong"} {
		if e := asError(t, call(method, &transport.Buffer{})); e.Code != transport.CodeInternal {
			t.Errorf("%s: got %v", method, e)
		}
	}
	for name, bad := range map[string]any{"a nil *Buffer": (*transport.Buffer)(nil), "a []uint8": []byte("x"), "a <nil>": nil} {
		if e := asError(t, call("Fail", bad)); e.Code != transport.CodeEncode || !strings.Contains(e.Error(), name) {
			t.Errorf("%s: got %v", name, e)
		}
	}
	(*transport.Buffer)(nil).Release()
}

// TestBuffersUsedTwice: a literal answers as often as it is returned, by as many calls
// at once; what was released, or has been an answer, is refused and no empty body.
func TestBuffersUsedTwice(t *testing.T) {
	pong := &transport.Buffer{Data: []byte("pong")}
	once := transport.NewBuffer(4)
	copy(once.Data, "once")
	s := serve(t, map[string]*transport.Server{
		"Ping": transport.NewServer(func(_ context.Context, request any) (any, error) {
			request.(*transport.Buffer).Release()
			return pong, nil
		}, transport.DecodeBuffer, transport.EncodeResponseBuffer),
		"Once": transport.NewServer(func(context.Context, any) (any, error) { return once, nil },
			transport.NopRequestDecoder, transport.EncodeResponseBuffer),
		"Released": transport.NewServer(func(_ context.Context, request any) (any, error) {
			request.(*transport.Buffer).Release()
			return request, nil
		}, transport.DecodeBuffer, transport.EncodeResponseBuffer),
	})
	pool := newPool(t)
	client := func(method string) func(context.Context, any) (any, error) {
		return transport.NewClient(pool, s.node, native.Protocol{}, method, transport.EncodeBuffer, transport.DecodeBuffer).Endpoint()
	}
	ping, request := client("Ping"), &transport.Buffer{Data: []byte("ping")}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got, err := ping(testContext(t), request)
				if err != nil || string(got.(*transport.Buffer).Data) != "pong" {
					t.Errorf("got %v, %v", got, err)
					return
				}
				got.(*transport.Buffer).Release()
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	if got, err := client("Once")(testContext(t), request); err != nil || string(got.(*transport.Buffer).Data) != "once" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := client("Once")(testContext(t), request); asError(t, err).Code != transport.CodeInternal {
		t.Errorf("got %v", err)
	}
	if got, err := client("Released")(testContext(t), request); err == nil || asError(t, err).Code != transport.CodeInternal {
		t.Errorf("a request that its endpoint has released is answered with %v, %v", got, err)
	}
	gone := transport.NewBuffer(8)
	gone.Release()
	if _, err := ping(testContext(t), gone); asError(t, err).Code != transport.CodeEncode || !strings.Contains(err.Error(), "released") {
		t.Errorf("got %v", err)
	}
}
