package faulttest_test

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestFault_StalledHandshakeOrReconnect: Get, Read, Write and Close end with
// their context, whatever the connection waits for.
func TestFault_StalledHandshakeOrReconnect(t *testing.T) {
	t.Run("handshake", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: world.Greeted{}, Act: muxtest.Drop}, func(w *world.World) { getsEnd(w) })
	})
	t.Run("dial", func(t *testing.T) {
		world.InBubble(t, world.Setup{}, func(w *world.World) {
			w.Victim.OnDial(world.StalledDial)
			getsEnd(w)
		})
	})
	t.Run("reconnect", func(t *testing.T) {
		world.InBubble(t, world.Setup{}, func(w *world.World) {
			hold := w.Hold()
			calls := w.Calls(10, time.Minute)
			w.Until(time.Second, "calls in flight", func() bool { return hold.Len() == 10 })
			w.Victim.OnDial(world.StalledDial)
			w.Victim.ResetConns()
			w.Within(50*time.Millisecond, "the end of calls in flight", func() { w.AllLost(calls, 10) })
			w.Settle() // a connection without calls is seen to be lost too
			getsEnd(w)
		})
	})
	t.Run("read, write and close", func(t *testing.T) {
		world.InBubble(t, world.Setup{Act: muxtest.StopReading, Opts: world.OneConn}, func(w *world.World) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			idle, read := w.Get(ctx), make(chan error, 1)
			defer idle.Close()
			go func() {
				_, err := idle.Read()
				read <- err
			}()
			w.Within(150*time.Millisecond, "Write and Read", func() {
				flood1(w, ctx)
				w.WantError(<-read, context.DeadlineExceeded, false)
			})
			mc := w.Get(context.Background())
			w.Within(0, "Close", mc.Close)
		})
	})
}

// getsEnd expects Gets with contexts of different lengths, and a cancelled one,
// to end with them.
func getsEnd(w *world.World) {
	w.Helper()
	var f world.Flight
	for _, d := range []time.Duration{1, 10, 50, 200} {
		f.WG.Go(func() {
			w.Within(d*time.Millisecond+50*time.Millisecond, "Get", func() {
				if err := w.CallFor(d * time.Millisecond); err == nil {
					w.Error("a call succeeded")
				} else {
					w.WantError(err, context.DeadlineExceeded, false)
				}
			})
		})
	}
	f.Land()
	ctx, cancel := context.WithCancel(context.Background())
	f.WG.Go(func() {
		_, err := w.Caller.Get(ctx)
		w.WantError(err, context.Canceled, false)
	})
	w.Settle()
	w.Within(50*time.Millisecond, "a cancelled Get", func() { cancel(); f.Land() })
}

// flood1 writes until a Write ends with ctx.
func flood1(w *world.World, ctx context.Context) {
	w.Helper()
	for {
		mc, err := w.Caller.Get(ctx)
		if err == nil {
			err = mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, 32<<10))))
			defer mc.Close()
		}
		if err != nil {
			w.WantError(err, context.DeadlineExceeded, false)
			return
		}
	}
}
