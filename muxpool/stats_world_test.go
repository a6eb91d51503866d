package muxpool_test

import (
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestFiguresNeverFall: while connections are reset under their calls and nodes dropped,
// whoever looks sees figures that grow, as many calls that have ended or are in flight as
// were started, and in the end all.
func TestFiguresNeverFall(t *testing.T) {
	world.OnSockets(t, world.Setup{}, func(w *world.World) {
		stop := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			last := w.Pool.Stats()
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := w.Pool.Stats()
				for name, f := range map[string]func(*muxpool.Stats) uint64{
					"calls started": func(s *muxpool.Stats) uint64 { return s.Calls.Started },
					"calls ended":   func(s *muxpool.Stats) uint64 { return s.Calls.Ended() },
					"conns closed":  func(s *muxpool.Stats) uint64 { return s.ConnsClosed.Total() },
					"bytes read":    func(s *muxpool.Stats) uint64 { return s.BytesRead },
					"bytes written": func(s *muxpool.Stats) uint64 { return s.BytesWritten },
					"writes":        func(s *muxpool.Stats) uint64 { return s.Writes },
					"dials":         func(s *muxpool.Stats) uint64 { return s.Dials },
				} {
					if f(&s) < f(&last) {
						w.Errorf("%s fell from %d to %d", name, f(&last), f(&s))
						return
					}
				}
				last = s
			}
		})
		for i := range 40 {
			calls := w.Calls(20, 10*time.Second)
			if i%2 == 0 {
				w.Victim.ResetConns()
			} else {
				w.Pool.Drop(w.Caller.Node)
			}
			calls.Land()
		}
		close(stop)
		watch.Wait()
		w.Victim.Do(muxtest.Echo)
		w.Recovers(5 * time.Second)
		w.Until(5*time.Second, "all calls have ended", func() bool {
			s := w.Pool.Stats()
			return s.Calls.Started-s.Calls.Ended() == uint64(s.InFlight)
		})
	})
}
