package muxpool

import (
	"testing"
	"testing/synctest"
)

// linesParser has line breaks between its frames.
type linesParser struct{ worldParser }

func (linesParser) Separates(b byte) bool { return b == '\n' || b == '\r' }

// TestBytesBetweenFramesAreNoFrame: a stream that ends behind a line break has not
// ended inside a frame, and each of the frames is one, however many are before it.
func TestBytesBetweenFramesAreNoFrame(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		w.opts.WithFrameParser(linesParser{})
		var downs []Event
		defer w.pool.Subscribe(func(ev Event) {
			if ev.Kind == ConnDown {
				downs = append(downs, ev)
			}
		})()
		m := w.mustGet(t.Context())
		for n := range uint32(3) {
			w.mustWrite(m, n)
		}
		synctest.Wait()
		p := w.peers[0]
		for _, b := range [][]byte{[]byte("\r\n"), p.got[0], []byte("\n"), p.got[1], p.got[2], []byte("\n")} {
			if _, err := p.nc.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if _, err := m.Read(); err != nil {
				t.Fatal(err)
			}
		}
		m.Close()
		p.nc.Close()
		synctest.Wait()
		const want = "muxpool: connection lost: closed by the peer while idle: EOF"
		if len(downs) != 1 || downs[0].Reason != ReasonPeerClosed || downs[0].Err.Error() != want {
			t.Fatalf("told %v, want %v and %s", downs, ReasonPeerClosed, want)
		}
	})
}
