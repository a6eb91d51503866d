package breaker

import (
	"testing"
	"time"
)

func TestUsualTime(t *testing.T) {
	var u usual
	if u.time() != unknownTime || !u.asks(1) {
		t.Errorf("unknown: %v, asks %v", u.time(), u.asks(1))
	}
	u.add(8 * time.Millisecond)
	if u.time() != 8*time.Millisecond {
		t.Errorf("after the first: %v", u.time())
	}
	if u.asks(1) || !u.asks(every) {
		t.Error("a short method's successes are not sampled")
	}
	for mean, asks := range map[time.Duration]bool{shortTime: false, shortTime + 1: true} {
		var at usual
		if at.add(mean); at.asks(1) != asks {
			t.Errorf("a usual time of %v: asks %v", mean, !asks)
		}
	}
	u.add(16 * time.Millisecond)
	if u.time() != 9*time.Millisecond {
		t.Errorf("an eighth of the way: %v", u.time())
	}
	for range 100 {
		u.add(time.Second)
	}
	if u.time() < 900*time.Millisecond || !u.asks(1) {
		t.Errorf("a long method: %v, asks %v", u.time(), u.asks(1))
	}
}
