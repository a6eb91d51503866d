package endpoint

import "testing"

// A budget of nil is the default one, of the endpoint's own.
func TestABudgetOfNil(t *testing.T) {
	var c config
	WithBudget(nil)(&c)
	want := NewBudget(0, 0)
	if b := c.retry.budget; b == nil || !c.retry.ownBudget || b.gain != want.gain || b.burst != want.burst || len(c.invalid) != 0 {
		t.Errorf("%+v, refused %v", b, c.invalid)
	}
	if b := (retryConfig{}).withDefaults().budget; b.gain != want.gain || b.burst != want.burst {
		t.Errorf("of one that was not given: %+v", b)
	}
}
