package breaker_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/sony/gobreaker"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// frames are an id and an answer of eight bytes.
type frames struct{}

func (frames) Parse(r io.Reader) (vid uint32, frame []byte, err error) {
	frame = make([]byte, 12)
	if _, err := io.ReadFull(r, frame); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame), frame, nil
}

// echo is a server that can be killed and started again at its address.
type echo struct {
	mu    sync.Mutex
	ln    net.Listener
	conns []net.Conn
	done  sync.WaitGroup
}

func (e *echo) start(t *testing.T, address string) string {
	var ln net.Listener
	for limit := new(bounded.Limit); ; time.Sleep(5 * time.Millisecond) { // the port is ours, and not always free at once
		var err error
		if ln, err = net.Listen("tcp", address); err == nil {
			break
		}
		if limit.Over() {
			t.Fatal(err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ln = ln
	e.done.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			if e.ln != ln { // accepted while it was killed
				c.Close()
			}
			e.conns = append(e.conns, c)
			e.mu.Unlock()
			e.done.Go(func() { io.Copy(c, c); c.Close() })
		}
	})
	return ln.Addr().String()
}

func (e *echo) kill() {
	e.mu.Lock()
	e.ln.Close()
	for _, c := range e.conns {
		c.Close()
	}
	e.ln, e.conns = nil, nil
	e.mu.Unlock()
	e.done.Wait()
}

// exchange sends a nonce and checks its echo.
func exchange(ctx context.Context, conn muxpool.MuxConn) error {
	frame := make([]byte, 12)
	binary.BigEndian.PutUint32(frame, conn.VID())
	nonce := uint64(time.Now().UnixNano())
	binary.BigEndian.PutUint64(frame[4:], nonce)
	if err := conn.Write(frame); err != nil {
		return err
	}
	got, err := conn.Read()
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint64(got[4:]) != nonce {
		return fmt.Errorf("answer %x to %x", got, frame)
	}
	return nil
}

// The whole way with a real pool on real sockets: the server dies, the pool's
// event opens the breaker, no call is spent on it, and when the server is back
// the probe closes the breaker before any call.
func TestRealPool(t *testing.T) {
	down := muxtest.NewPeer(nil) // a peer that is down keeps its port: nobody else gets it while the server is killed
	defer down.Close()
	address, err := down.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	down.Down()
	var server echo
	node := muxpool.Node{Network: "tcp", Address: server.start(t, address)}
	pool, err := muxpool.New(muxpool.WithReconnect(3, time.Millisecond, 5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(frames{})

	changes := make(chan breaker.Change, 100)
	g := breaker.NewGroup(
		breaker.WithListener(func(c breaker.Change) { changes <- c }),
		breaker.WithProbe(breaker.PoolProbe(pool, opts, exchange), 20*time.Millisecond))
	defer g.Close()
	defer g.Watch(pool)()
	call := callThrough(pool, opts, node)
	ep := g.Middleware(node)(call)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for range 10 {
		if _, err := ep(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}

	server.kill()
	for g.Check(node) == nil { // calls notice, the pool redials and gives up
		ep(ctx, nil)
	}
	bounded.Receive(t, changes)
	_, err = ep(ctx, nil)
	var open *breaker.OpenError
	if !errors.As(err, &open) || !errors.Is(err, gobreaker.ErrOpenState) {
		t.Fatalf("a dead node: %v", err)
	}
	before, _ := g.StatusOf(node)

	server.start(t, node.Address)
	defer server.kill()
	for bounded.Receive(t, changes).To != breaker.Closed {
	}
	if _, err := ep(ctx, nil); err != nil {
		t.Errorf("the first call after the return: %v", err)
	}
	if after, _ := g.StatusOf(node); after.Totals.Failures != before.Totals.Failures || after.Totals.Successes != before.Totals.Successes+1 {
		t.Errorf("the return cost calls: before %+v, after %+v", before.Totals, after.Totals)
	}
}

func callThrough(pool muxpool.Pool, opts muxpool.GetOptions, node muxpool.Node) endpoint.Endpoint {
	return func(ctx context.Context, _ any) (any, error) {
		conn, err := pool.GetMuxConn(ctx, node.Network, node.Address, opts)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return nil, exchange(ctx, conn)
	}
}
