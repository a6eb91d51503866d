package breaker_test

import (
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

func TestStatusOfAll(t *testing.T) {
	alone(t, nil, func(f *fixture) {
		udp := muxpool.Node{Network: "udp", Address: "10.0.0.0:53"}
		for _, n := range []muxpool.Node{udp, nodeC, nodeA, nodeB} {
			f.Hold(n)
		}
		f.call(nodeB, nil)
		f.call(nodeB, errSick)
		time.Sleep(time.Second)
		f.calls(nodeA, 6, errSick)
		f.expel(nodeC)
		time.Sleep(100 * time.Millisecond)
		all := f.Status()
		for i, want := range []muxpool.Node{nodeA, nodeB, nodeC, udp} {
			if all[i].Node != want {
				t.Errorf("%d: %s, want %s", i, all[i].Node, want)
			}
		}
		a := all[0]
		if a.State != breaker.Open || a.Reason != breaker.ReasonConsecutiveFailures || a.Cause != errSick || a.Ejections != 1 ||
			a.RetryAfter.Round(time.Millisecond) != 400*time.Millisecond || time.Since(a.Since) != 100*time.Millisecond ||
			a.Totals.Failures != 5 || a.Totals.Refused != 1 || a.Holds != 1 || !a.Live {
			t.Errorf("A: %+v", a)
		}
		if b := all[1]; b.State != breaker.Closed || b.Reason != breaker.ReasonNone || b.Totals.Successes != 1 || b.Totals.Failures != 1 {
			t.Errorf("B: %+v", b)
		}
	})
}
