package breaker

import (
	"testing"
	"time"
)

// FuzzWindow checks a window against a list of all calls: it holds every call of
// its last nine tenths and none that is older than its length.
func FuzzWindow(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 5, 0, 0, 255}, uint16(1000))
	f.Add([]byte{}, uint16(0))
	f.Add([]byte{255, 255, 255, 1, 1, 1}, uint16(10))
	f.Fuzz(func(t *testing.T, steps []byte, length uint16) {
		w := window{detector: Detector{kind: failureRate, window: time.Duration(length) + partsPerWindow}}
		tenth := int64(w.detector.window / partsPerWindow)
		type call struct {
			at  int64
			bad bool
		}
		var calls []call
		now := int64(0)
		for _, s := range steps {
			now += int64(s>>1) * tenth / 16
			c := call{now, s&1 == 1}
			calls = append(calls, c)
			bad := uint32(0)
			if c.bad {
				bad = 1
			}
			w.add(c.at, 1, bad)

			var atLeast, atMost, badAtMost uint32
			for _, c := range calls {
				if now-c.at < 9*tenth {
					atLeast++
				}
				if now-c.at < 10*tenth {
					atMost++
					if c.bad {
						badAtMost++
					}
				}
			}
			n, b := w.sum(now)
			if n < atLeast || n > atMost || b > badAtMost || b > n {
				t.Fatalf("at %d: %d calls, %d bad; want %d to %d, at most %d bad", now, n, b, atLeast, atMost, badAtMost)
			}
		}
	})
}

func TestWindowIsSick(t *testing.T) {
	w := window{detector: FailureRate(0.3, time.Second, 10)}
	w.add(0, 9, 9)
	if _, _, sick := w.sick(0, 0); sick {
		t.Error("sick below its volume")
	}
	w.add(0, 21, 0)
	if calls, bad, sick := w.sick(0, 0); !sick || calls != 30 || bad != 9 {
		t.Errorf("%d of %d: sick %v", bad, calls, sick)
	}
	w.add(0, 1, 0)
	if _, _, sick := w.sick(0, 0); sick {
		t.Error("sick below its rate")
	}
	one := window{detector: FailureRate(0.1, time.Second, 1)}
	one.add(0, 1, 1)
	if calls, bad, sick := one.sick(0, 0); !sick || calls != 1 || bad != 1 {
		t.Errorf("%d of %d, where one is enough: sick %v", bad, calls, sick)
	}
	w.add(int64(5*time.Second), 1, 0)
	w.add(int64(4*time.Second), 5, 5) // a clock that was read before, in the same part
	if calls, _ := w.sum(int64(5 * time.Second)); calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

// A call counts until its tenth is over for the tenth time, and no longer.
func TestWindowForgets(t *testing.T) {
	w := window{detector: FailureRate(0, time.Second, 0)}
	tenth := int64(100 * time.Millisecond)
	w.add(0, 1, 1)
	w.add(tenth-1, 1, 0)
	for at, want := range map[int64]uint32{tenth: 2, 9 * tenth: 2, 10*tenth - 1: 2, 10 * tenth: 0} {
		if calls, _ := w.sum(at); calls != want {
			t.Errorf("after %v: %d calls, want %d", time.Duration(at), calls, want)
		}
	}
	w.add(10*tenth, 1, 1) // in the place of the first
	if calls, bad := w.sum(10 * tenth); calls != 1 || bad != 1 {
		t.Errorf("in its turn: %d calls, %d bad", calls, bad)
	}
}

func TestWindowTakesOver(t *testing.T) {
	long, short := window{detector: FailureRate(0, 10*time.Second, 0)}, window{detector: FailureRate(0, time.Second, 0)}
	for s := range int64(10) {
		long.add(s*int64(time.Second), 1, uint32(s%2))
	}
	now := 9 * int64(time.Second)
	short.copyFrom(&long)
	if calls, bad := short.sum(now); calls != 1 || bad != 1 {
		t.Errorf("a shorter window took %d calls, %d bad", calls, bad)
	}
	longer := window{detector: FailureRate(0, time.Minute, 0)}
	longer.copyFrom(&long)
	if calls, bad := longer.sum(now); calls != 10 || bad != 5 {
		t.Errorf("a longer window took %d calls, %d bad", calls, bad)
	}
}
