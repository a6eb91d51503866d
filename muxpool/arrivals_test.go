package muxpool

import (
	"context"
	"errors"
	"io"
	"testing"
)

// TestArrivalsBeforeTheEnd: answers that came in one read with what ends the
// connection are delivered, also those that had not been when it was found.
func TestArrivalsBeforeTheEnd(t *testing.T) {
	for name, end := range map[string][]byte{
		"garbage":         worldFrame(0xff, 0, 0),
		"a parser panics": worldFrame(worldPanic, 0, 0),
		"going away":      worldFrame(worldGoAway, 0, 0),
		"truncated":       {worldAnswer, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, panickingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				var calls []*muxConn
				var bytes []byte
				for i := range uint32(2*arrivalsMax + 5) {
					m := w.mustGet(context.Background())
					defer m.Close()
					w.mustWrite(m, i)
					calls = append(calls, m)
					bytes = append(bytes, worldFrame(worldAnswer, m.id, i)...)
				}
				unanswered := w.mustGet(context.Background())
				defer unanswered.Close()
				w.mustWrite(unanswered, 0)
				go func() {
					nc := w.peers[0].nc
					nc.Write(append(bytes, end...)) // fails where reading has ended
					nc.Close()
				}()
				for i, m := range calls {
					if frame, err := m.Read(); err != nil || string(frame) != string(worldFrame(worldAnswer, m.id, uint32(i))) {
						t.Fatalf("answer %d: %x, %v", i, frame, err)
					}
				}
				if frame, err := unanswered.Read(); !errors.Is(err, ErrConnLost) {
					t.Errorf("Read without an answer: %x, %v", frame, err)
				}
			})
		})
	}
}

// panickingParser panics at a frame of kind worldPanic.
type panickingParser struct{ worldParser }

const worldPanic = 0xfe

func (p panickingParser) Parse(r io.Reader) (uint32, []byte, error) {
	if kind, err := r.(FrameReader).Peek(1); err == nil && kind[0] == worldPanic {
		panic("told to")
	}
	return p.worldParser.Parse(r)
}
