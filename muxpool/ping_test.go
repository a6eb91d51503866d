package muxpool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// pinged is a parser that can ask for a sign of life.
type pinged struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.KeepAlive
}

// A Ping is answered by what comes after it: a connection that has carried calls proves
// nothing once its peer has fallen silent.
func TestAPingIsAnsweredByWhatComesAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(nil)
		defer peer.Close()
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithKeepAlive(time.Hour), muxpool.WithDialContext(peer.DialContext))
		defer pool.Close()
		opts := muxpool.NewGetOptions()
		opts.WithFrameParser(pinged{})
		opts.WithVID(7) // which a ping makes no use of: somebody else has it
		call, err := pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts)
		if err != nil {
			t.Fatal(err)
		}
		ping := func() (bool, error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return pool.Ping(ctx, "tcp", "peer:1", opts)
		}
		for range 2 { // on a new connection, and on one that is there
			if answered, err := ping(); !answered || err != nil {
				t.Fatalf("a peer that answers: %v, %v", answered, err)
			}
		}
		if n := pool.Stats().Nodes[0].Conns[0].InFlight; n != 1 {
			t.Errorf("%d calls in flight, want the one beside the pings", n)
		}
		call.Close()
		if s := peer.Stats(); s.Accepted != 1 || s.Calls != 0 {
			t.Errorf("%d connections, %d calls for two pings, want one and none", s.Accepted, s.Calls)
		}
		peer.Do(muxtest.Drop)
		if answered, err := ping(); answered || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a peer that has fallen silent: %v, %v", answered, err)
		}
		peer.Do(muxtest.Reset)
		if answered, err := ping(); answered || !errors.Is(err, muxpool.ErrConnLost) {
			t.Errorf("a peer that resets the connection: %v, %v", answered, err)
		}
		peer.OnDial(func(context.Context, int) error { return errors.New("refused") })
		if answered, err := ping(); answered || err == nil {
			t.Errorf("a peer that is not there: %v, %v", answered, err)
		}
	})
}

// Where a protocol cannot ask, a Ping connects, and says that this is all.
func TestAPingThatCannotAskOnlyConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(muxtest.Drop)
		defer peer.Close()
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithDialContext(peer.DialContext))
		defer pool.Close()
		opts := muxpool.NewGetOptions()
		opts.WithFrameParser(muxtest.Parser{})
		if answered, err := pool.Ping(t.Context(), "tcp", "peer:1", opts); answered || err != nil {
			t.Errorf("%v, %v", answered, err)
		}
		synctest.Wait()
		if s := peer.Stats(); s.Accepted != 1 || s.Frames != 0 {
			t.Errorf("%d connections, %d frames, want one and none", s.Accepted, s.Frames)
		}
	})
}

// On datagrams nobody asks: that a packet is lost says nothing.
func TestAPingOnDatagramsOnlyConnects(t *testing.T) {
	peer := muxtest.NewPeer(nil)
	defer peer.Close()
	address, err := peer.Listen("udp", "localhost:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	pool := newPool(t)
	defer pool.Close()
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(pinged{})
	if answered, err := pool.Ping(t.Context(), "udp", address, opts); answered || err != nil {
		t.Errorf("%v, %v", answered, err)
	}
}
