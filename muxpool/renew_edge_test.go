package muxpool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRenewAgain: a tenth of the age later, a second at least and a minute at most, give or take a tenth.
func TestRenewAgain(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, 10 * time.Second: time.Second, time.Minute: 6 * time.Second, 10 * time.Minute: time.Minute, time.Hour: time.Minute,
	} {
		for range 100 {
			if d := renewAgain(age); d < want*9/10 || d > want*11/10 {
				t.Fatalf("of an age of %v: after %v, want %v, give or take a tenth", age, d, want)
			}
		}
	}
}

// TestRenewOfOneThatWasLost: its place has another, which is not old.
func TestRenewOfOneThatWasLost(t *testing.T) {
	inRig(t, conns(1), "get, accept", func(r *slotRig) {
		old := r.conn(1)
		for _, step := range []string{"close 1", "get", "accept"} {
			r.play(step)
		}
		for _, used := range []bool{true, false} {
			old.renew(used)
			synctest.Wait()
			if got, want := r.String(), "ready: up 2; dials 2"; got != want {
				t.Errorf("got %q, not %q", got, want)
			}
		}
	})
}

// TestSilenceOfAnAddress: a datagram socket is made anew when its peer is silent if a name may lead elsewhere by now; an
// address does not.
func TestSilenceOfAnAddress(t *testing.T) {
	for address, dials := range map[string]uint64{"peer:1": 2, "10.0.0.1:1": 1, "[2001:db8::1]:1": 1} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
			w.opts.WithTimeout(time.Second)
			m, err := w.pool.GetMuxConn(t.Context(), "udp", address, w.opts)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			w.mustWrite(m.(*muxConn), 1)
			if _, err := m.Read(); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			time.Sleep(w.pool.opts.stallTimeout * 3 / 2) // of bubble time
			synctest.Wait()
			if got := w.pool.Stats().Dials; got != dials {
				t.Errorf("%s: %d sockets were made, want %d", address, got, dials)
			}
		})
	}
}
