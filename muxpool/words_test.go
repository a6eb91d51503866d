package muxpool

import (
	"fmt"
	"testing"
)

// The first number that has no word tells which it is, in every list of words.
func TestNumbersWithoutAWord(t *testing.T) {
	for _, c := range []struct {
		words int
		first fmt.Stringer
	}{
		{len(eventKinds), EventKind(len(eventKinds))},
		{len(reasons), Reason(len(reasons))},
		{len(connStates), connState(len(connStates))},
		{len(nodeStates), NodeState(len(nodeStates))},
		{len(slotStates), slotState(len(slotStates))},
		{len(standings), standing(len(standings))},
	} {
		if got, want := c.first.String(), fmt.Sprintf("unknown(%d)", c.words); got != want {
			t.Errorf("%T: %q, want %q", c.first, got, want)
		}
	}
}
