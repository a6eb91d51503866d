package breaker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// A timer that was stopped too late finds nothing to do, whatever there is now.
func TestAWakeThatComesTooLate(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(g *Group, id muxpool.Node, c *circuit)
		want State
	}{
		{"its time is over", func(*Group, muxpool.Node, *circuit) { time.Sleep(time.Second) }, HalfOpen},
		{"its time is not over", func(*Group, muxpool.Node, *circuit) {}, Open},
		{"it is closed", func(g *Group, id muxpool.Node, _ *circuit) { g.Reset(id); time.Sleep(time.Second) }, Closed},
		{"it is forced open", func(g *Group, id muxpool.Node, _ *circuit) { g.ForceOpen(id, nil); time.Sleep(time.Second) }, Open},
		{"it has ended", func(g *Group, _ muxpool.Node, _ *circuit) { g.Close(); time.Sleep(time.Second) }, Open},
		{"a probe runs", func(_ *Group, _ muxpool.Node, c *circuit) { c.active.probe = &run{}; time.Sleep(time.Second) }, Open},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := NewGroup(WithoutJitter())
			defer g.Close()
			id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
			g.Hold(id)
			g.Trip(id, nil)
			var c *circuit
			n := g.find(id)
			n.mu.Lock()
			n.members(func(m *member) { c = m.circuit })
			c.disarm()
			n.mu.Unlock()
			row.do(g, id, c)
			gen := c.gen
			c.wake()
			if c.state != row.want || (c.gen != gen) != (row.want == HalfOpen) {
				t.Errorf("%s: it is %v, in generation %d after %d", row.name, c.state, c.gen, gen)
			}
			c.active.probe = nil
		})
	}
}

// The time of an ejection is over when it has come, for whoever finds that before the timer does: if it
// is that ejection, and no order stands against it.
func TestWhoFindsTheTimeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(WithoutJitter())
		defer g.Close()
		id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
		g.Hold(id)
		g.Trip(id, nil)
		var c *circuit
		g.find(id).members(func(m *member) { c = m.circuit })
		for name, row := range map[string]struct {
			gate *gate
			due  bool
		}{
			"its time has come":    {&gate{state: Open, timed: true, overAt: g.clock()}, true},
			"it has not":           {&gate{state: Open, timed: true, overAt: g.clock() + 1}, false},
			"nobody knows its end": {&gate{state: Open, overAt: g.clock()}, false},
			"it is half-open":      {&gate{state: HalfOpen, timed: true, overAt: g.clock()}, false},
		} {
			if got := c.due(row.gate); got != row.due {
				t.Errorf("%s: due %v", name, got)
			}
		}
		if c.expire(c.gen - 1); c.state != Open {
			t.Errorf("%v by the end of an earlier ejection", c.state)
		}
		g.Disable(id)
		if c.expire(c.gen); c.state != Open {
			t.Errorf("%v while its operator has it disabled", c.state)
		}
		g.Enable(id)
		if c.expire(c.gen); c.state != HalfOpen {
			t.Errorf("%v when its time is over", c.state)
		}
	})
}

// A circuit is quiet from the time on for which its detectors look back.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup()
		defer g.Close()
		id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
		g.Hold(id)
		var c *circuit
		g.find(id).members(func(m *member) { c = m.circuit })
		if !c.quiet() {
			t.Error("one of which nothing was heard is not quiet")
		}
		time.Sleep(time.Second)
		c.succeeded(g.clock())
		time.Sleep(c.set().memory)
		if c.quiet() {
			t.Errorf("quiet after %v", c.set().memory)
		}
		if time.Sleep(time.Nanosecond); !c.quiet() {
			t.Errorf("not quiet after more than %v", c.set().memory)
		}
		c.succeeded(g.clock())
		time.Sleep(time.Second)
		c.succeeded(g.clock())
		if time.Sleep(c.set().memory - time.Second/2); c.quiet() {
			t.Error("quiet, and the last of two successes was not long ago")
		}
	})
}

// What the end of a probe says of the node, by whether its method is told apart and what
// has put the node out.
func TestProbeForTheNode(t *testing.T) {
	for _, row := range []struct {
		name   string
		apart  bool
		calls  latch
		f      finding
		result Outcome
		want   Outcome
	}{
		{"one method", false, latch{on: true, several: true}, sickCall, Failure, Failure},
		{"it succeeded", true, latch{on: true, several: true}, well, Success, Success},
		{"it succeeded too slowly", true, latch{on: true}, well, Failure, Success},
		{"the way failed", true, latch{on: true}, sickWay, Failure, Failure},
		{"no answer in time", true, latch{}, timeIsOut, Failure, Failure},
		{"an error is an answer", true, latch{}, sickCall, Failure, Success},
		{"an error, where calls have put it out", true, latch{on: true}, sickCall, Failure, Success},
		{"an error, where several methods have", true, latch{on: true, several: true}, sickCall, Failure, Neutral},
		{"an error, where several methods had", true, latch{several: true}, sickCall, Failure, Success},
	} {
		c := &circuit{latches: latches{byCalls: row.calls}}
		p := &probe{call: call{method: &method{member: &member{circuit: c}}, apart: row.apart}}
		if got := p.forNode(row.f, row.result); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
}
