package breaker

import (
	"fmt"
	"strings"
	"testing"
)

// The machine, whole. A dash: the step means nothing there.
func TestMoves(t *testing.T) {
	want := `
            ejected   spared    over      reached   proved    failed    pardoned
closed      open      closed    -         -         -         -         closed
open        open      -         half-open half-open closed    open      closed
half-open   open      -         -         -         closed    open      closed
`
	var b strings.Builder
	b.WriteString("\n            ejected   spared    over      reached   proved    failed    pardoned\n")
	for from := range State(len(moves)) {
		line := fmt.Sprintf("%-12s", from)
		for s := range stepCount {
			to := "-"
			if moves[from][s] != stay {
				to = moves[from][s].String()
			}
			line += fmt.Sprintf("%-10s", to)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if b.String() != want {
		t.Errorf("the machine is\n%s\nwant\n%s", b.String(), want)
	}
}
