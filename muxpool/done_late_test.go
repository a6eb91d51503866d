package muxpool

import (
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
)

// lastWordParser is a plug-in that notes that it runs.
type lastWordParser struct {
	worldParser
	ran *int
}

func (p lastWordParser) AppendFarewell(dst []byte) []byte { *p.ran++; return dst }

func (p lastWordParser) AppendKeepAlive(dst []byte, _ uint32) []byte { *p.ran++; return dst }

// TestNothingRunsAfterDone: nor does what a method was about to set going when the pool was closed.
func TestNothingRunsAfterDone(t *testing.T) {
	for name, then := range map[string]func(c *conn, left departure){
		"the last call has left": func(c *conn, left departure) { c.departed(left) },
		"it is asked":            func(c *conn, _ departure) { c.ask() },
	} {
		ran := 0
		withWorld(t, lastWordParser{ran: &ran}, quietOptions(), func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			c := m.conn
			c.health.ping, c.health.holding = 1, true // a keepalive is out
			c.drain(ReasonGoingAway, nil)
			left := c.endLocked(m.call, endDone, nil)
			if !left.last {
				t.Fatal("that was not the last call")
			}
			if err := w.pool.Close(); err != nil {
				t.Fatal(err)
			}
			bounded.Wait(t, func() { <-w.pool.Done() })
			before := ran
			then(c, left)
			if synctest.Wait(); ran != before {
				t.Errorf("%s: the plug-in runs", name)
			}
			m.Close()
		})
	}
}
