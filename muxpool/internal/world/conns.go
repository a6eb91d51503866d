package world

import (
	"time"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// Link is a connection of the victim, with what the tests ask of it.
type Link struct{ *muxtest.Conn }

func (l Link) Ended() bool {
	select {
	case <-l.Done():
		return true
	default:
		return false
	}
}

// TwoConns waits until the node has both connections.
func (w *World) TwoConns() (first, second Link) {
	w.Helper()
	if err := w.Call(); err != nil {
		w.Fatal(err)
	}
	w.Until(time.Second, "both connections up", func() bool {
		return len(w.Node().Conns) == 2 && len(w.Victim.Conns()) == 2
	})
	all := w.Victim.Conns()
	return Link{all[0]}, Link{all[1]}
}

// Prove makes calls until both connections have answered one: until then, a loss
// counts as a failed attempt to connect.
func (w *World) Prove() {
	w.Helper()
	w.Until(time.Second, "both connections answer", func() bool {
		if failed := w.Calls(4, time.Second).Land(); len(failed) > 0 {
			w.Fatal(failed[0])
		}
		answered := 0
		for _, c := range w.Node().Conns {
			if c.Frames > 0 {
				answered++
			}
		}
		return answered == 2
	})
}
