package muxpool_test

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
)

// TestAgeBesideALongKeepAlive: a connection is replaced at its age also if its health is hardly ever
// looked at, and calls come and go meanwhile.
func TestAgeBesideALongKeepAlive(t *testing.T) {
	setup := world.Setup{Alone: true, Opts: []muxpool.PoolOption{muxpool.WithConnectNumber(1), muxpool.WithMaxConnAge(age),
		muxpool.WithKeepAlive(100 * time.Hour), muxpool.WithWriteTimeout(100 * time.Hour), muxpool.WithIdleTimeout(100 * time.Hour)}}
	world.InBubble(t, setup, func(w *world.World) {
		for range 12 {
			if err := w.Call(); err != nil {
				w.Fatal(err)
			}
			time.Sleep(age / 10)
		}
		if s := w.Victim.Stats(); s.Accepted != 2 {
			w.Errorf("%d connections in 1.2 times the age of one, want two", s.Accepted)
		}
	})
}
