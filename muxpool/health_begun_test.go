package muxpool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnAnswerBeginsAfterALongSilence: which a call may take. From then on the rest of it has the stall timeout to come,
// whatever look is between its first bytes and that.
func TestAnAnswerBeginsAfterALongSilence(t *testing.T) {
	const stall = 16 * time.Second // it is looked at each second
	for rest, want := range map[time.Duration]error{0: nil, time.Second: nil, stall - 1: nil, stall + 2*time.Second: ErrStalled} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1), WithStallTimeout(stall), WithKeepAlive(time.Hour)}, func(t *testing.T, w *world) {
			m := w.mustGet(t.Context())
			defer m.Close()
			w.mustWrite(m, 1)
			time.Sleep(10 * stall)
			answer := worldFrame(worldAnswer, m.id, 1)
			if _, err := w.peers[0].nc.Write(answer[:3]); err != nil {
				t.Fatal(err)
			}
			time.Sleep(rest)
			synctest.Wait()
			_, _ = w.peers[0].nc.Write(answer[3:]) // fails where it is too late
			if _, err := m.Read(); !errors.Is(err, want) {
				t.Errorf("the rest after %v: %v, want %v", rest, err, want)
			}
		})
	}
}
