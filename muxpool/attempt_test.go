package muxpool_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestDialThatDoesNotHeedItsContext: it ends after twice the dial timeout all the same, and is told. Until the
// function has returned the connection is not asked for again; what it returns then is closed, and the
// next Get finds a node that is well.
func TestDialThatDoesNotHeedItsContext(t *testing.T) {
	world.InBubble(t, world.Setup{Alone: true}, func(w *world.World) {
		held := make(chan struct{})
		var at, worst atomic.Int32
		pool, err := muxpool.New(world.Settings(muxpool.WithConnectNumber(1), muxpool.WithDialContext(func(_ context.Context, network, address string) (net.Conn, error) {
			worst.Store(max(worst.Load(), at.Add(1)))
			defer at.Add(-1)
			<-held
			return w.Victim.DialContext(context.Background(), network, address)
		}))...)
		if err != nil {
			w.Fatal(err)
		}
		defer pool.Close()
		var failed atomic.Int32
		defer pool.Subscribe(func(e muxpool.Event) {
			if e.Kind == muxpool.DialFailed {
				failed.Add(1)
			}
		})()
		caller := muxtest.NewCaller(pool, "tcp", "victim:1", muxtest.Parser{})
		for _, bound := range []time.Duration{2 * time.Second, 0} {
			w.Within(bound, "a call", func() {
				err := caller.Call(context.Background(), nil)
				var e *muxpool.Error
				if !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || !errors.As(err, &e) || !e.Timeout() || !strings.Contains(err.Error(), "context") {
					w.Errorf("got %v, want the dial timeout, and why", err)
				}
			})
		}
		w.Settle()
		if n := failed.Load(); n != 2 {
			w.Errorf("told of %d dials that failed, want 2", n)
		}
		close(held)
		w.Settle()
		if s := w.Victim.Stats(); s.Accepted != 1 || s.Open != 0 {
			w.Errorf("%d connections came late, %d are open, want one that is closed", s.Accepted, s.Open)
		}
		if err := caller.Call(context.Background(), nil); err != nil {
			w.Error("the next call: ", err)
		}
		if n := worst.Load(); n != 1 {
			w.Errorf("%d dials at once, want one", n)
		}
	})
}

// TestDialThatHeedsItsContextLate: it is not left behind, however short its time was, since a processor
// may be long in coming.
func TestDialThatHeedsItsContextLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("heard of it")
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialTimeout(time.Nanosecond), muxpool.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			time.Sleep(100 * time.Millisecond)
			return nil, late
		}))
		caller := muxtest.NewCaller(pool, "tcp", "victim:1", muxtest.Parser{})
		if err := caller.Call(context.Background(), nil); !errors.Is(err, late) {
			t.Errorf("got %v, want what the function says", err)
		}
	})
}

// TestHandshakeThatDoesNotHeedItsContext: likewise.
func TestHandshakeThatDoesNotHeedItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(nil)
		defer peer.Close()
		parser := &deafParser{held: make(chan struct{})}
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(peer.DialContext))
		start := time.Now()
		err := muxtest.NewCaller(pool, "tcp", "peer:1", parser).Call(t.Context(), nil)
		if took := time.Since(start); !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || took > 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		close(parser.held)
		synctest.Wait()
		if n := peer.Stats().Open; n > 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

// deafParser has a handshake that nothing ends.
type deafParser struct {
	muxtest.Parser
	held chan struct{}
}

func (p *deafParser) Handshake(context.Context, net.Conn) error {
	<-p.held
	return nil
}

// nilError panics when it is asked for its text: a nil pointer is no nil error.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// rudeGreeting is a parser whose handshake fails with such an error.
type rudeGreeting struct{ muxtest.Parser }

func (rudeGreeting) Handshake(context.Context, net.Conn) error { return (*nilError)(nil) }

// TestErrorThatPanics: of a dial or of a handshake, it fails that dial, and no more.
func TestErrorThatPanics(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"dial": muxtest.Parser{}, "handshake": rudeGreeting{}} {
		t.Run(name, func(t *testing.T) {
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			pool := unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
				if name == "dial" {
					return nil, (*nilError)(nil)
				}
				return peer.DialContext(ctx, network, address)
			}))
			err := muxtest.NewCaller(pool, "tcp", "peer:1", parser).Call(t.Context(), nil)
			if !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || !errors.Is(err, muxpool.ErrInvalidOption) {
				t.Errorf("got %v, want a dial that failed by an option", err)
			}
			if n := peer.Stats().Open; n > 0 {
				t.Errorf("%d connections are open", n)
			}
		})
	}
}

// rudeConn is a connection that fails with such an error.
type rudeConn struct {
	net.Conn
	writes bool
}

func (c rudeConn) Write(b []byte) (int, error) {
	if c.writes {
		return 0, (*nilError)(nil)
	}
	return c.Conn.Write(b)
}

func (c rudeConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		err = (*nilError)(nil)
	}
	return n, err
}

// TestErrorThatPanicsOfAConnection: it ends that connection, and its calls hear what it was.
func TestErrorThatPanicsOfAConnection(t *testing.T) {
	for _, writes := range []bool{true, false} {
		peer := muxtest.NewPeer(muxtest.Close)
		defer peer.Close()
		pool := unhurried(t, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := peer.DialContext(ctx, network, address)
			return rudeConn{nc, writes}, err
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{}).Call(ctx, nil)
		if !errors.Is(err, muxpool.ErrConnLost) || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("writes: %v: got %v, want the loss of its connection", writes, err)
		}
	}
}
