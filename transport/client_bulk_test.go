package transport_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// narrow is a link that lets 256 KiB of each connection through in each direction, and the
// rest once it is widened.
type narrow struct {
	node  transport.Node
	stuck chan string   // a direction of a connection that has no room left
	wide  chan struct{} // closed: there is no limit any more
}

const narrowRoom = 256 << 10

func newNarrow(t *testing.T, to transport.Node) *narrow {
	l := listen(t)
	n := &narrow{node: transport.Node{Network: "tcp", Address: l.Addr().String()}, stuck: make(chan string, 100), wide: make(chan struct{})}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := []io.Closer{l}
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to.Address)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			open = append(open, near, far)
			mu.Unlock()
			all.Go(func() { n.pass(far, near, "requests") })
			all.Go(func() { n.pass(near, far, "answers") })
		}
	})
	t.Cleanup(func() {
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		bounded.Wait(t, all.Wait)
	})
	return n
}

func (n *narrow) pass(to, from net.Conn, what string) {
	_, err := io.CopyN(to, from, narrowRoom)
	if err == nil {
		n.stuck <- what
		<-n.wide
		_, _ = io.Copy(to, from)
	}
	to.(*net.TCPConn).CloseWrite()
}

// sized answers with as many bytes as the request says, which then bears the nonce at
// its end.
func sized(_ context.Context, request any) (any, error) {
	b := request.([]byte)
	answer := make([]byte, binary.BigEndian.Uint32(b))
	copy(answer[len(answer)-8:], b[len(b)-8:])
	return answer, nil
}

// sizedRequest has length n and asks for an answer of the length.
func sizedRequest(n, answer int, nonce uint64) []byte {
	b := make([]byte, n)
	binary.BigEndian.PutUint32(b, uint32(answer))
	binary.BigEndian.PutUint64(b[n-8:], nonce)
	return b
}

// TestSmallCallsOvertakeLargeOnes: a large request, or a large answer, is stuck half way on
// its connection, and small calls are answered all the same.
func TestSmallCallsOvertakeLargeOnes(t *testing.T) {
	const large = 4 << 20
	for what, options := range map[string]struct {
		request, answer int
		option          transport.ClientOption
	}{
		"requests": {large, 16, transport.ClientFinalizer()}, // as the Client sees
		"answers":  {16, large, transport.ClientBulk(true)},
	} {
		t.Run(what, func(t *testing.T) {
			s := serve(t, map[string]*transport.Server{"Large": rawServer(sized), "Small": rawServer(echo)}, transport.ServiceMaxFrameSize(2*large))
			link := newNarrow(t, s.node)
			pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithMaxFrameSize(2*large))
			big, small := rawClient(pool, link.node, "Large", options.option), rawClient(pool, link.node, "Small")
			ctx := testContext(t)
			// The first that is large asks for the connection that the next ones have.
			if _, err := rawClient(pool, link.node, "Large", transport.ClientBulk(true))(ctx, sizedRequest(16, 16, 0)); err != nil {
				t.Fatal(err)
			}
			awaitBulk(t, pool)

			const nonce = 0x6b75_6c6b
			done := make(chan error, 1)
			go func() { done <- askSized(ctx, big, options.request, options.answer, nonce) }()
			if stuck := wait(t, "the large one", link.stuck); stuck != what {
				t.Fatalf("%s are stuck", stuck)
			}
			for i := range 50 {
				want := fmt.Sprintf("small %d", i)
				if got, err := small(ctx, []byte(want)); err != nil || string(got.([]byte)) != want {
					t.Fatalf("%q, %v", got, err)
				}
			}
			select {
			case err := <-done:
				t.Fatalf("the large one was not stuck: %v", err)
			default:
			}
			close(link.wide)
			if err := wait(t, "the large one", done); err != nil {
				t.Error(err)
			}
		})
	}
}

// askSized makes a call of these lengths, and checks its answer.
func askSized(ctx context.Context, call func(context.Context, any) (any, error), request, answer int, nonce uint64) error {
	got, err := call(ctx, sizedRequest(request, answer, nonce))
	if err != nil {
		return err
	}
	if b := got.([]byte); len(b) != answer || binary.BigEndian.Uint64(b[answer-8:]) != nonce {
		return fmt.Errorf("an answer of %d bytes with the nonce %x", len(b), b[len(b)-8:])
	}
	return nil
}

// awaitBulk waits until the pool's node has its bulk connection.
func awaitBulk(t *testing.T, pool *muxpool.Multiplexed) {
	t.Helper()
	up := make(chan struct{}, 100)
	cancel := pool.Subscribe(func(e muxpool.Event) {
		if e.Kind == muxpool.ConnUp && e.Bulk {
			up <- struct{}{}
		}
	})
	defer cancel()
	for _, n := range pool.Stats().Nodes {
		if slices.ContainsFunc(n.Conns, func(c muxpool.ConnStats) bool { return c.Bulk }) {
			return
		}
	}
	wait(t, "the bulk connection", up)
}

// TestMethodsWithLargeAnswersGoApart: after the first large answers, the calls of that
// method, and of no other, are on the bulk connection.
func TestMethodsWithLargeAnswersGoApart(t *testing.T) {
	const large = 1 << 20
	s := serve(t, map[string]*transport.Server{"Large": rawServer(sized), "Small": rawServer(sized)})
	pool := newPool(t)
	big, small := rawClient(pool, s.node, "Large"), rawClient(pool, s.node, "Small")
	ctx := testContext(t)
	for i := range uint64(2) { // the first is known to be large when the second comes, which asks for the connection
		if err := askSized(ctx, big, 16, large, i); err != nil {
			t.Fatal(err)
		}
	}
	awaitBulk(t, pool)
	const calls = 20
	before := pool.Stats()
	for i := range uint64(calls) {
		if err := askSized(ctx, big, 16, large, i); err != nil {
			t.Fatal(err)
		}
		if err := askSized(ctx, small, 16, 16, i); err != nil {
			t.Fatal(err)
		}
	}
	after := pool.Stats()
	if n := after.Bulk.Calls.Started - before.Bulk.Calls.Started; n != calls {
		t.Errorf("%d of %d large calls, and no other, are to be on the bulk connection", n, calls)
	}
	if rest := (after.BytesRead - before.BytesRead) - (after.Bulk.BytesRead - before.Bulk.BytesRead); rest > calls*1000 {
		t.Errorf("%d bytes came on the other connections", rest)
	}
}

// TestNoBulkConnectionForSmallCalls: who moves little has as many connections as before.
func TestNoBulkConnectionForSmallCalls(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(sized)})
	pool := newPool(t, muxpool.WithConnectNumber(1))
	for _, call := range []func(context.Context, any) (any, error){
		rawClient(pool, s.node, "M"),
		transport.NewClient(pool, s.node, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes, transport.ClientBulk(false),
			transport.ClientGetOptions(func(o *muxpool.GetOptions) { o.WithBulk(true) })).Endpoint(), // which is the Client's own
	} {
		for i := range uint64(50) {
			if err := askSized(testContext(t), call, 32<<10, 32<<10, i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := pool.Stats().Dials; n != 1 {
		t.Errorf("%d dials", n)
	}
}
