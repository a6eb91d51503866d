package trpcpool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/client"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/pool/multiplexed"
	"trpc.group/trpc-go/trpc-go/server"
	"trpc.group/trpc-go/trpc-go/stream"
	"trpc.group/trpc-go/trpc-go/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
	"github.com/muxkit/muxkit/transport/trpc/trpcpool"
)

const waitTime = time.Minute

// cutting is a listener whose connections can be reset.
type cutting struct {
	net.Listener
	mu   sync.Mutex
	open []net.Conn
}

func (l *cutting) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, nc)
	return nc, nil
}

// reset resets the connections that are open.
func (l *cutting) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, nc := range l.open {
		if tc, ok := nc.(*net.TCPConn); ok {
			_ = tc.SetLinger(0)
		}
		_ = nc.Close()
	}
	l.open = nil
}

// peer is tRPC-Go's own server.
type peer struct {
	cutting
	told atomic.Int64  // one-way calls
	came chan struct{} // a call of Never has come; nobody need be waiting
}

func serve(t *testing.T) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{cutting: cutting{Listener: l}, came: make(chan struct{}, 1)}
	s := server.New(server.WithServiceName("muxkit.Pool"), server.WithListener(&p.cutting), server.WithAddress(l.Addr().String()),
		server.WithNetwork("tcp"), server.WithProtocol("trpc"), server.WithServerAsync(true), server.WithTransport(transport.DefaultServerTransport),
		server.WithStreamTransport(transport.DefaultServerStreamTransport), server.WithCurrentSerializationType(codec.SerializationTypeNoop))
	unary := func(f func(context.Context, []byte) ([]byte, error)) func(any, context.Context, server.FilterFunc) (any, error) {
		return func(_ any, ctx context.Context, filter server.FilterFunc) (any, error) {
			req := new(codec.Body)
			filters, err := filter(req)
			if err != nil {
				return nil, err
			}
			return filters.Filter(ctx, req, func(ctx context.Context, req any) (any, error) {
				answer, err := f(ctx, req.(*codec.Body).Data)
				return &codec.Body{Data: answer}, err
			})
		}
	}
	err = s.Register(&server.ServiceDesc{
		ServiceName: "muxkit.Pool",
		Methods: []server.Method{
			{Name: "/muxkit.Pool/Echo", Func: unary(func(_ context.Context, b []byte) ([]byte, error) { return b, nil })},
			{Name: "/muxkit.Pool/Refuse", Func: unary(func(context.Context, []byte) ([]byte, error) { return nil, errs.New(402, "no") })},
			{Name: "/muxkit.Pool/Tell", Func: unary(func(context.Context, []byte) ([]byte, error) { p.told.Add(1); return nil, nil })},
			{Name: "/muxkit.Pool/Never", Func: unary(func(context.Context, []byte) ([]byte, error) {
				select {
				case p.came <- struct{}{}:
				default:
				}
				<-t.Context().Done()
				return nil, nil
			})},
		},
		Streams:      []server.StreamDesc{{StreamName: "/muxkit.Pool/Stream", ServerStreams: true, ClientStreams: true, Handler: echoStream}},
		StreamHandle: stream.NewStreamDispatcher(),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve() }()
	t.Cleanup(func() { _ = s.Close(nil); p.reset(); bounded.Receive(t, ended) })
	return p
}

func echoStream(_ any, s server.Stream) error {
	for {
		m := new(codec.Body)
		switch err := s.RecvMsg(m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := s.SendMsg(m); err != nil {
			return err
		}
	}
}

func newPool(t *testing.T, options ...muxpool.PoolOption) *trpcpool.Pool {
	t.Helper()
	p, err := trpcpool.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func (p *peer) options(pool *trpcpool.Pool, more ...client.Option) []client.Option {
	return append([]client.Option{client.WithTarget("ip://" + p.Addr().String()), client.WithNetwork("tcp"), client.WithProtocol("trpc"),
		client.WithTimeout(waitTime), client.WithMultiplexedPool(pool), client.WithCurrentSerializationType(codec.SerializationTypeNoop)}, more...)
}

func (p *peer) call(ctx context.Context, pool *trpcpool.Pool, method, body string, more ...client.Option) (string, error) {
	ctx, msg := codec.WithCloneMessage(ctx)
	defer codec.PutBackMessage(msg)
	msg.WithClientRPCName("/muxkit.Pool/" + method)
	msg.WithCalleeServiceName("muxkit.Pool")
	msg.WithSerializationType(codec.SerializationTypeNoop)
	rsp := new(codec.Body)
	err := client.DefaultClient.Invoke(ctx, &codec.Body{Data: []byte(body)}, rsp, p.options(pool, more...)...)
	return string(rsp.Data), err
}

// stream sends so many messages, each of which must come back.
func (p *peer) stream(ctx context.Context, pool *trpcpool.Pool, name string, messages int) error {
	ctx, msg := codec.WithCloneMessage(ctx) // not put back: the stream reads it still when it has ended
	msg.WithClientRPCName("/muxkit.Pool/Stream")
	msg.WithCalleeServiceName("muxkit.Pool")
	desc := &client.ClientStreamDesc{StreamName: "/muxkit.Pool/Stream", ServerStreams: true, ClientStreams: true}
	s, err := stream.DefaultStreamClient.NewStream(ctx, desc, "/muxkit.Pool/Stream", p.options(pool)...)
	if err != nil {
		return err
	}
	for i := range messages {
		sent, got := fmt.Sprintf("%s: %d", name, i), new(codec.Body)
		if err := s.SendMsg(&codec.Body{Data: []byte(sent)}); err != nil {
			return err
		}
		if err := s.RecvMsg(got); err != nil {
			return err
		}
		if string(got.Data) != sent {
			return fmt.Errorf("%w: sent %q, got %q", errMismatch, sent, got.Data)
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	if err := s.RecvMsg(new(codec.Body)); err != io.EOF {
		return fmt.Errorf("the stream ends with %v", err)
	}
	return nil
}

var errMismatch = errors.New("somebody else's message")

// TestCallsAndStreamsOfTRPCGo: 3200 calls and 320 streams over one pool, whose ids are the
// same numbers, each gets its own.
func TestCallsAndStreamsOfTRPCGo(t *testing.T) {
	p, pool := serve(t), newPool(t)
	var users sync.WaitGroup
	for i := range 32 {
		users.Go(func() {
			for j := range 100 {
				nonce := fmt.Sprintf("call %d of %d", j, i)
				if got, err := p.call(t.Context(), pool, "Echo", nonce); err != nil || got != nonce {
					t.Errorf("%s: got %q, %v", nonce, got, err)
				}
				if j%10 == 0 {
					if err := p.stream(t.Context(), pool, "stream "+nonce, 5); err != nil {
						t.Errorf("stream %s: %v", nonce, err)
					}
				}
			}
		})
	}
	bounded.Wait(t, users.Wait)
	if s := pool.Mux().Stats(); s.Counters.Late+s.Counters.Unknown+s.Counters.Duplicate != 0 {
		t.Errorf("%+v", s.Counters)
	}
}

// TestIDsOfCallsAndStreamsMayBeTheSame: at the same time, over one pool.
func TestIDsOfCallsAndStreamsMayBeTheSame(t *testing.T) {
	p, pool := serve(t), newPool(t, muxpool.WithConnectNumber(1))
	for _, streamID := range []uint32{0, 500} {
		ctx, msg := codec.WithNewMessage(t.Context())
		msg.WithStreamID(streamID)
		opts := multiplexed.NewGetOptions()
		opts.WithVID(500)
		opts.WithFrameParser(trpc.DefaultFramerBuilder)
		mc, err := pool.GetMuxConn(ctx, "tcp", p.Addr().String(), opts)
		if err != nil {
			t.Fatal(err)
		}
		defer mc.Close()
		if streamID == 0 {
			continue // it is in use, and nothing else
		}
		if err := mc.Write(make([]byte, 16)); err != nil {
			t.Errorf("the stream whose id is a call's: %v", err)
		}
	}
}

// TestAPairWithoutCAIsNoPlaintext: who gives a certificate means TLS; pool/multiplexed would connect without.
func TestAPairWithoutCAIsNoPlaintext(t *testing.T) {
	p, s := newPool(t), serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	opts := multiplexed.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	opts.WithDialTLS("none.pem", "none.key", "", "")
	if _, err := p.GetMuxConn(ctx, "tcp", s.Addr().String(), opts); err == nil || !strings.Contains(err.Error(), "none.") {
		t.Errorf("with a certificate that does not exist: %v", err)
	}
}

// TestErrorsOfTRPCGo: they are those that tRPC-Go's users know.
func TestErrorsOfTRPCGo(t *testing.T) {
	p := serve(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	nobody := client.WithTarget("ip://127.0.0.1:1")
	for name, c := range map[string]struct {
		ctx    context.Context
		method string
		more   []client.Option
		want   int
	}{
		"the business's":      {t.Context(), "Refuse", nil, 402},
		"no such method":      {t.Context(), "Nowhere", nil, int(errs.RetServerNoFunc)},
		"its caller has left": {canceled, "Echo", nil, int(errs.RetClientCanceled)},
		"nobody is there":     {t.Context(), "Echo", []client.Option{nobody}, int(errs.RetClientNetErr)}, // what tnet makes of every error
	} {
		// a pool each: where the server has streams, its connections run one call at a time
		if _, err := p.call(c.ctx, newPool(t), c.method, "x", c.more...); int(errs.Code(err)) != c.want {
			t.Errorf("%s: %v, not %d", name, err, c.want)
		}
	}

	_, err := p.call(t.Context(), newPool(t), "Echo", "x", nobody)
	var own *muxpool.Error
	if !errors.As(err, &own) || own.Sent() {
		t.Errorf("the pool's error is not in %v", err)
	}

	// What ends while it is dialed or written is tnet's network error: so these end when they have been sent.
	for d := 50 * time.Millisecond; ; d *= 2 {
		_, err := p.call(t.Context(), newPool(t), "Never", "x", client.WithTimeout(d))
		if code := errs.Code(err); code == errs.RetClientTimeout {
			break
		} else if code != errs.RetClientNetErr || d > waitTime {
			t.Fatalf("its time is over: %v", err)
		}
	}
	fresh := serve(t)
	leaving, leave := context.WithCancel(t.Context())
	go func() {
		select {
		case <-fresh.came:
		case <-t.Context().Done():
		}
		leave()
	}()
	if _, err := fresh.call(leaving, newPool(t), "Never", "x"); errs.Code(err) != errs.RetClientCanceled {
		t.Errorf("its caller leaves: %v", err)
	}
}

// TestOneWayCallsOfTRPCGoLeaveNothing: their ids are free.
func TestOneWayCallsOfTRPCGoLeaveNothing(t *testing.T) {
	const calls = 500
	p, pool := serve(t), newPool(t, muxpool.WithConnectNumber(1), muxpool.WithMaxVirConnsPerConn(10))
	for range calls {
		if _, err := p.call(t.Context(), pool, "Tell", "x", client.WithSendOnly()); err != nil {
			t.Fatal(err)
		}
	}
	for start := time.Now(); p.told.Load() < calls; time.Sleep(time.Millisecond) {
		if time.Since(start) > waitTime {
			t.Fatalf("%d of %d calls came", p.told.Load(), calls)
		}
	}
	for _, n := range pool.Mux().Stats().Nodes {
		for _, c := range n.Conns {
			if c.Reserved != 0 {
				t.Errorf("%d ids are reserved for answers that nobody sends", c.Reserved)
			}
		}
	}
}

// TestStreamsUnderResetAndCancellation: connections are reset and callers leave; whoever
// gets a message gets their own, and afterwards all goes on.
func TestStreamsUnderResetAndCancellation(t *testing.T) {
	p, pool := serve(t), newPool(t)
	end := make(chan struct{})
	var users sync.WaitGroup
	var ok, failed atomic.Int64
	count := func(err error) {
		switch {
		case errors.Is(err, errMismatch):
			t.Error(err)
		case err != nil:
			failed.Add(1)
		default:
			ok.Add(1)
		}
	}
	for i := range 16 {
		users.Go(func() {
			for j := 0; ; j++ {
				select {
				case <-end:
					return
				default:
				}
				ctx, leave := context.WithCancel(t.Context())
				if j%5 == 0 {
					time.AfterFunc(time.Duration(j%7)*time.Millisecond, leave)
				}
				nonce := fmt.Sprintf("%d of %d", j, i)
				if i%2 == 0 {
					count(p.stream(ctx, pool, nonce, 5))
				} else {
					got, err := p.call(ctx, pool, "Echo", nonce)
					if err == nil && got != nonce {
						err = errMismatch
					}
					count(err)
				}
				leave()
			}
		})
	}
	for range 5 {
		before := ok.Load()
		for start := time.Now(); ok.Load() < before+100; time.Sleep(time.Millisecond) {
			if time.Since(start) > waitTime {
				t.Fatal("nothing comes back any more")
			}
		}
		p.reset()
	}
	close(end)
	bounded.Wait(t, users.Wait)
	if err := p.stream(t.Context(), pool, "afterwards", 5); err != nil {
		t.Error(err)
	}
	t.Logf("%d went well, %d did not", ok.Load(), failed.Load())
}
