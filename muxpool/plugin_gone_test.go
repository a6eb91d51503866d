package muxpool_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// The parts of a parser that end their goroutine, of those that a user's goroutine, or the
// end of a connection, needs.
type (
	goneIDs      struct{ muxtest.Parser }
	goneAlive    struct{ muxtest.Parser }
	goneFarewell struct{ muxtest.Parser }
	goneSettings struct {
		muxtest.Parser
		settled
	}
)

func (goneIDs) IDSpace() (s muxpool.IDSpace)                  { runtime.Goexit(); return s }
func (goneAlive) AppendKeepAlive([]byte, uint32) (dst []byte) { runtime.Goexit(); return dst }
func (goneFarewell) AppendFarewell([]byte) (dst []byte)       { runtime.Goexit(); return dst }

func (goneSettings) AppendSettings([]byte, muxpool.Settings) (dst []byte) {
	runtime.Goexit()
	return dst
}

// returns runs f, and fails the test if it does not return.
func returns(w *world.World, f func() error) (err error) {
	w.Helper()
	back, done := false, make(chan struct{})
	go func() {
		defer close(done)
		err = f()
		back = true
	}()
	<-done
	if !back {
		w.Fatal("the caller's goroutine has ended")
	}
	return err
}

// TestPluginEndsItsGoroutine: a Get, a PreWarm, and the end of a connection, whose plug-in
// ends its goroutine (runtime.Goexit), have an outcome.
func TestPluginEndsItsGoroutine(t *testing.T) {
	t.Run("ids", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: goneIDs{}, Alone: true}, func(w *world.World) {
			err := returns(w, w.Call)
			if w.WantError(err, muxpool.ErrInvalidOption, false); !strings.Contains(err.Error(), "IDSpace of muxpool_test.goneIDs did not return") {
				w.Error(err)
			}
		})
	})
	t.Run("settings", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: goneSettings{}, Alone: true}, func(w *world.World) {
			err := returns(w, w.Call)
			if w.WantError(err, muxpool.ErrInvalidOption, false); !strings.Contains(err.Error(), "the dial did not return") {
				w.Error(err)
			}
			w.Settle()
			if n := w.Victim.Stats().Open; n != 0 {
				w.Errorf("%d connections are left", n)
			}
		})
	})
	t.Run("keepalive", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: goneAlive{}, Alone: true}, func(w *world.World) {
			n := w.Caller.Node
			err := returns(w, func() error { return w.Pool.PreWarm(context.Background(), n.Network, n.Address, w.Caller.Opts) })
			w.WantError(err, muxpool.ErrProtocol, false)
			err = returns(w, func() error {
				_, err := w.Pool.Ping(context.Background(), n.Network, n.Address, w.Caller.Opts)
				return err
			})
			w.WantError(err, muxpool.ErrProtocol, false)
			w.Victim.Do(muxtest.Drop) // the pool itself asks, after a while
			w.WantError(w.CallFor(time.Hour), muxpool.ErrProtocol, true)
			w.Until(time.Second, "the end is told", func() bool { return len(w.Heard(muxpool.ConnDown)) > 0 })
			for _, e := range w.Heard(muxpool.ConnDown) {
				if e.Reason != muxpool.ReasonProtocolError {
					w.Errorf("told: %v", e)
				}
			}
		})
	})
	t.Run("farewell", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: goneFarewell{}, Alone: true, Opts: world.OneConn}, func(w *world.World) {
			if err := w.Call(); err != nil {
				w.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := w.Pool.Shutdown(ctx); err != nil {
				w.Error(err)
			}
			w.Settle()
			if n := w.Victim.Stats().Open; n != 0 {
				w.Errorf("%d connections are left", n)
			}
		})
	})
}

// TestAddressWithALineBreak: it stays on one line in an error and in an event, be it told by
// the pool or by what it has called.
func TestAddressWithALineBreak(t *testing.T) {
	world.OnSockets(t, world.Setup{Alone: true}, func(w *world.World) {
		for _, network := range []string{"tcp", "udp", "unix"} {
			err := w.Tally.Call(t.Context(), muxtest.NewCaller(w.Pool, network, "no\nhost:1", muxtest.Parser{}), nil)
			if !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), `no\nhost`) {
				w.Errorf("%s: %v", network, err)
			}
		}
	})
}
