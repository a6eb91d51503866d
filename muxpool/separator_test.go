package muxpool

import (
	"testing"
	"testing/synctest"
)

// linesParser has line breaks between its frames.
type linesParser struct{ worldParser }

func (linesParser) Separates(b byte) bool { return b == '\n' || b == '\r' }

// TestBytesBetweenFramesAreNoFrame: a stream that ends behind a line break has not
// ended inside a frame.
func TestBytesBetweenFramesAreNoFrame(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		w.opts.WithFrameParser(linesParser{})
		var reasons []Reason
		defer w.pool.Subscribe(func(ev Event) {
			if ev.Kind == ConnDown {
				reasons = append(reasons, ev.Reason)
			}
		})()
		m, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", w.opts)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Write(worldFrame(worldAnswer, m.VID(), 7)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		p := w.peers[0]
		for _, b := range [][]byte{[]byte("\r\n"), p.got[0], []byte("\n")} {
			if _, err := p.nc.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Read(); err != nil {
			t.Fatal(err)
		}
		m.Close()
		p.nc.Close()
		synctest.Wait()
		if len(reasons) != 1 || reasons[0] != ReasonPeerClosed {
			t.Fatalf("the connection ended for %v, want %v", reasons, ReasonPeerClosed)
		}
	})
}
