package breaker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
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

// A step that means nothing changes nothing, and makes nothing that is under way late; so does any of a
// circuit that has ended.
func TestStepsThatMeanNothing(t *testing.T) {
	for from := range State(len(moves)) {
		for s := range stepCount {
			for _, ended := range []bool{false, true} {
				g := NewGroup()
				id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
				g.Hold(id)
				var c *circuit
				n := g.find(id)
				n.members(func(m *member) { c = m.circuit })
				if from != Closed {
					g.Trip(id, nil)
				}
				n.mu.Lock()
				if from == HalfOpen {
					c.move(time.Now(), over, ReasonEjectionOver, nil)
				}
				c.latches[byHand] = latch{on: true, until: time.Now().Add(time.Hour)}
				n.ended = ended
				before := c.gen
				c.move(time.Now(), s, ReasonReset, nil)
				if means := !ended && moves[from][s] != stay; means != (c.gen != before) || !means && c.state != from {
					t.Errorf("%v, ended %v, step %d: %v in generation %d after %d", from, ended, s, c.state, c.gen, before)
				}
				n.ended = false
				n.mu.Unlock()
				g.Close()
			}
		}
	}
}
