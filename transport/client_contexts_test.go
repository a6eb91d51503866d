package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestWhoseContextsAreSeen: nobody sees those of a Client whose codecs do not look, that has no
// hooks, and whose pool is ours.
func TestWhoseContextsAreSeen(t *testing.T) {
	pool := newPool(t)
	before, after := transport.ClientBefore(wrapContext), transport.ClientAfter(wrapContext)
	finalizer := transport.ClientFinalizer(func(context.Context, error) {})
	ownEnc := func(context.Context, *transport.Message, any) error { return nil }
	ownDec := func(context.Context, *transport.Message) (any, error) { return nil, nil }
	for _, row := range []struct {
		name    string
		pool    muxpool.Pool
		enc     transport.EncodeRequestFunc
		dec     transport.DecodeResponseFunc
		options []transport.ClientOption
		ignored bool
	}{
		{"bytes", pool, transport.EncodeBytes, transport.DecodeBytes, nil, true},
		{"buffers", pool, transport.EncodeBuffer, transport.DecodeBuffer, nil, true},
		{"JSON, and nothing", pool, transport.EncodeJSON, transport.NopRequestDecoder, nil, true},
		{"another's pool", plainPool{pool}, transport.EncodeBytes, transport.DecodeBytes, nil, false},
		{"an encode function of one's own", pool, ownEnc, transport.DecodeBytes, nil, false},
		{"a decode function of one's own", pool, transport.EncodeBytes, ownDec, nil, false},
		{"which is never called", pool, transport.EncodeBytes, ownDec, []transport.ClientOption{transport.ClientOneWay()}, true},
		{"ClientBefore", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{before}, false},
		{"ClientAfter", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{after}, false},
		{"ClientFinalizer", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{finalizer}, false},
		{"ClientBefore and ClientAfter", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{before, after}, false},
		{"ClientBefore and ClientFinalizer", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{before, finalizer}, false},
		{"ClientAfter and ClientFinalizer", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{after, finalizer}, false},
		{"ClientTimeout", pool, transport.EncodeBytes, transport.DecodeBytes, []transport.ClientOption{transport.ClientTimeout(time.Second)}, true},
	} {
		c := transport.NewClient(row.pool, pipeNode, native.Protocol{}, "M", row.enc, row.dec, row.options...)
		if got := c.IgnoresContext(); got != row.ignored || c.Err() != nil {
			t.Errorf("%s: nobody sees the contexts: %v, want %v; %v", row.name, got, row.ignored, c.Err())
		}
	}
}

// TestFinalizersSeeHowFarACallCame: what was not sent has no size, what was not answered has no
// answer's, and the connection is known once there is one.
func TestFinalizersSeeHowFarACallCame(t *testing.T) {
	refused := errors.New("refused")
	for name, row := range map[string]struct {
		get        error
		sent, read bool
	}{"no connection": {refused, false, false}, "no answer": {nil, true, false}, "an answer": {nil, true, true}} {
		mc := &pieceByPiece{most: 1000}
		if row.read {
			frame, err := native.Protocol{}.AppendResponse(nil, 7, &transport.Message{}, &transport.Message{Body: []byte("x")})
			if err != nil {
				t.Fatal(err)
			}
			mc.frames = [][]byte{frame}
		}
		pool := getFunc(func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) {
			if row.get != nil {
				return nil, row.get
			}
			return mc, nil
		})
		ran := 0
		_, err := rawClient(pool, pipeNode, "M", transport.ClientFinalizer(func(ctx context.Context, err error) {
			ran++
			if ctx.Value(transport.ContextKeyMethod) != "M" || (err == nil) != row.read {
				t.Errorf("%s: the method is %v, the error %v", name, ctx.Value(transport.ContextKeyMethod), err)
			}
			for key, there := range map[any]bool{
				transport.ContextKeyLocalAddr: row.sent, transport.ContextKeyRemoteAddr: row.sent,
				transport.ContextKeyRequestBytes: row.sent, transport.ContextKeyResponseBytes: row.read,
			} {
				if got := ctx.Value(key); (got != nil) != there {
					t.Errorf("%s: key %v has %v, want something: %v", name, key, got, there)
				}
			}
		}))(testContext(t), []byte("x"))
		if (err == nil) != row.read || ran != 1 {
			t.Errorf("%s: %v, %d finalizers have run", name, err, ran)
		}
	}
}

// timed is the native protocol that notes the time that travels with a request, and the cancels.
type timed struct {
	native.Protocol
	*noticed
}

type noticed struct {
	timeout time.Duration
	cancels int
}

func (p timed) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	p.timeout = req.Timeout
	return p.Protocol.AppendRequest(dst, id, req)
}

func (p timed) AppendCancel(dst []byte, id uint32) []byte {
	p.cancels++
	return p.Protocol.AppendCancel(dst, id)
}

// TestWhenACallEnds that is not answered: with the context, after ClientTimeout, or as a hook has it,
// whichever is first. The peer is told before how long it has, and then that nobody waits any more.
func TestWhenACallEnds(t *testing.T) {
	const s = time.Second
	sets := func(d time.Duration) transport.RequestFunc {
		return func(ctx context.Context, m *transport.Message) context.Context { m.Timeout = d; return ctx }
	}
	within := func(d time.Duration) transport.RequestFunc {
		return func(ctx context.Context, _ *transport.Message) context.Context {
			ctx, _ = deadline.WithTimeout(context.WithoutCancel(ctx), d)
			return ctx
		}
	}
	looks := func(ctx context.Context, _ *transport.Message) context.Context { return ctx }
	detaches := func(ctx context.Context, _ *transport.Message) context.Context { return context.WithoutCancel(ctx) }
	for _, row := range []struct {
		name          string
		ctx, timeout  time.Duration // 0: none
		hook          transport.RequestFunc
		ends, travels time.Duration
	}{
		{"ClientTimeout", 0, 3 * s, nil, 3 * s, 3 * s},
		{"the context", 3 * s, 0, nil, 3 * s, 3 * s},
		{"ClientTimeout is the shorter", 5 * s, 3 * s, nil, 3 * s, 3 * s},
		{"the context is the shorter", 3 * s, 5 * s, nil, 3 * s, 3 * s},
		{"ClientTimeout, and a hook that looks", 0, 3 * s, looks, 3 * s, 3 * s},
		{"the context, and a hook that looks", 3 * s, 0, looks, 3 * s, 3 * s},
		{"ClientTimeout is the shorter, and a hook looks", 5 * s, 3 * s, looks, 3 * s, 3 * s},
		{"the context is the shorter, and a hook looks", 3 * s, 5 * s, looks, 3 * s, 3 * s},
		{"a hook's limit", 0, 0, sets(2 * s), 2 * s, 2 * s},
		{"a hook's limit is shorter than ClientTimeout", 0, 5 * s, sets(2 * s), 2 * s, 2 * s},
		{"a hook's limit is shorter than the context", 5 * s, 0, sets(2 * s), 2 * s, 2 * s},
		{"a hook's limit is longer than ClientTimeout", 0, 5 * s, sets(7 * s), 7 * s, 7 * s},
		{"a hook's limit is longer than the context", 5 * s, 0, sets(7 * s), 5 * s, 7 * s},
		{"a hook takes ClientTimeout away", 9 * s, 5 * s, sets(0), 9 * s, 0},
		{"a hook takes the context away", 3 * s, 0, detaches, 3 * s, 3 * s},
		{"a hook's context is shorter", 9 * s, 0, within(2 * s), 2 * s, 9 * s},
		{"a hook's context is longer", 3 * s, 5 * s, within(9 * s), 3 * s, 3 * s},
		{"a hook wraps the context", 3 * s, 0, wrapContext, 3 * s, 3 * s},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				defer p.Close()
				go func() {
					nc, err := p.Accept()
					if err == nil {
						_, _ = io.Copy(io.Discard, nc)
						nc.Close()
					}
				}()
				pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(p.DialContext),
					muxpool.WithKeepAlive(time.Hour), muxpool.WithStallTimeout(time.Hour))
				defer pool.Close()
				seen := new(noticed)
				options := []transport.ClientOption{transport.ClientTimeout(row.timeout)}
				if row.hook != nil {
					options = append(options, transport.ClientBefore(row.hook))
				}
				ctx := context.Background()
				if row.ctx > 0 {
					limited, cancel := deadline.WithTimeout(ctx, row.ctx)
					defer cancel()
					ctx = limited
				}
				start := time.Now()
				_, err := transport.NewClient(pool, pipeNode, timed{noticed: seen}, "M", transport.EncodeBytes, transport.DecodeBytes, options...).
					Endpoint()(ctx, []byte("x"))
				took := time.Since(start)
				if e := asError(t, err); e.Code != transport.CodeDeadlineExceeded || took < row.ends || took > row.ends+100*time.Millisecond {
					t.Errorf("it ended after %v, want %v: %v", took, row.ends, err)
				}
				if seen.timeout != row.travels || seen.cancels != 1 {
					t.Errorf("the peer is told that it has %v, want %v, and %d times that nobody waits", seen.timeout, row.travels, seen.cancels)
				}
			})
		})
	}
}

// TestOptionsThatAreTheClientsOwn: what ClientGetOptions says of them does not count. Two calls are under way at once,
// on one connection.
func TestOptionsThatAreTheClientsOwn(t *testing.T) {
	met := make(chan struct{})
	meet := func(ctx context.Context, request any) (any, error) {
		select {
		case met <- struct{}{}:
		case <-met:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return request, nil
	}
	s := serve(t, map[string]*transport.Server{"M": rawServer(meet)})
	pool := newPool(t, muxpool.WithConnectNumber(1))
	for name, set := range map[string]func(*muxpool.GetOptions){
		"the parser":   func(o *muxpool.GetOptions) { o.WithFrameParser(nil) },
		"the timeout":  func(o *muxpool.GetOptions) { o.WithTimeout(time.Nanosecond) },
		"the deadline": func(o *muxpool.GetOptions) { o.WithDeadline(time.Unix(1, 0)) },
		"an id":        func(o *muxpool.GetOptions) { o.WithVID(7) },
		"one-way":      func(o *muxpool.GetOptions) { o.WithOneWay() },
		"a stream":     func(o *muxpool.GetOptions) { o.WithStream() },
	} {
		c := transport.NewClient(pool, s.node, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes, transport.ClientGetOptions(set))
		ctx := testContext(t)
		ended := make(chan error, 2)
		for _, nonce := range []string{name + ", x", name + ", y"} {
			go func() {
				got, err := c.Endpoint()(ctx, []byte(nonce))
				if b, _ := got.([]byte); err == nil && string(b) != nonce {
					err = fmt.Errorf("%q was answered with %q", nonce, b)
				}
				ended <- err
			}()
		}
		for range 2 {
			if err := wait(t, name, ended); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := c.Health(ctx, ""); err != nil || got != transport.HealthServing {
			t.Errorf("%s: its node's health is %v, %v", name, got, err)
		}
	}
}
