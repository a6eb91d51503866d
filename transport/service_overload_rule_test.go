package transport

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhenThereIsOverload: one call in sixteen must have been quick, and, once they were fewer, half of
// them. Then those are refused that have waited for more than twice the target.
func TestWhenThereIsOverload(t *testing.T) {
	const target = 5 * time.Millisecond
	type interval struct{ calls, quick int }
	for name, row := range map[string]struct {
		intervals []interval
		over      bool
	}{
		"in the beginning":                     {nil, false},
		"one in sixteen is quick":              {[]interval{{16, 1}}, false},
		"fewer are":                            {[]interval{{17, 1}}, true},
		"the only one is not":                  {[]interval{{1, 0}}, true},
		"less than half are":                   {[]interval{{5, 2}}, false},
		"less than half, after too few":        {[]interval{{17, 1}, {5, 2}}, true},
		"half, after too few":                  {[]interval{{17, 1}, {4, 2}}, false},
		"less than half, after half of them":   {[]interval{{17, 1}, {4, 2}, {5, 2}}, false},
		"less than half, twice, after too few": {[]interval{{17, 1}, {5, 2}, {3, 1}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := overload{target: target, born: time.Now()}
				begin := func(waited time.Duration) error { return o.begin(time.Now().Add(-waited)) }
				for _, i := range row.intervals {
					for call := range i.calls {
						waited := target + 1
						if call < i.quick {
							waited = target
						}
						if err := begin(waited); err != nil {
							t.Errorf("a call that has waited for %v: %v", waited, err)
						}
					}
					time.Sleep(overloadInterval) // of bubble time
				}
				if err := begin(2 * target); err != nil {
					t.Errorf("who has waited for twice the target is refused: %v", err)
				}
				var e *Error
				for waited, after := range map[time.Duration]time.Duration{2*target + 1: 2*target + 1, time.Second: overloadInterval} {
					err := begin(waited)
					if (err != nil) != row.over {
						t.Errorf("who has waited for %v: %v, want that it is refused: %v", waited, err, row.over)
					}
					if errors.As(err, &e) && (e.Code != CodeResourceExhausted || e.refused != waitedTooLong || e.RetryAfter != after ||
						!strings.HasSuffix(e.Message, waited.Round(time.Millisecond).String())) {
						t.Errorf("who has waited for %v is told %+v", waited, e)
					}
				}
			})
		})
	}
	var off overload
	for range 2 {
		if err := off.begin(time.Now().Add(-time.Hour)); err != nil || off.calls.Load() != 0 {
			t.Errorf("where it is off: %v, %d calls are counted", err, off.calls.Load())
		}
	}
}
