package breaker

import (
	"testing"
	"time"
)

// New settings forget nothing: each detector goes on from what the one of its kind, in the
// same place among those, has counted.
func TestNewSettingsKeepWhatEachDetectorCounted(t *testing.T) {
	set := func(detectors ...Detector) *settings { return &settings{detectors: detectors} }
	g := NewGroup()
	defer g.Close()
	rate, slow := FailureRate(0.5, 10*time.Second, 10), SlowCalls(time.Second, 0.5, 10*time.Second, 10)
	j := newJudge(g, set(rate, slow, rate, slow))
	for i := range j.windows {
		j.windows[i].add(0, uint32(i+1), 1)
	}
	for _, row := range []struct {
		name string
		set  *settings
		want []uint32 // calls
	}{
		{"the same", set(rate, slow, rate, slow), []uint32{1, 2, 3, 4}},
		{"in another order", set(slow, rate, slow, rate), []uint32{2, 1, 4, 3}},
		{"one more", set(slow, rate, slow, rate, rate), []uint32{2, 1, 4, 3, 0}},
		{"fewer", set(rate, rate), []uint32{1, 3}},
	} {
		j.configure(row.set)
		for i, want := range row.want {
			if calls, _ := j.windows[i].sum(0); calls != want {
				t.Errorf("%s: detector %d has counted %d calls, want %d", row.name, i, calls, want)
			}
		}
	}
}
