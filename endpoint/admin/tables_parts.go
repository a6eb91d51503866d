package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/debug"
)

// nodes are the pool's, those first that have no connection.
func (p *pool) nodes() table {
	t := table{Title: title("Pool", p.Name), Head: []string{"node", "state", "connections", "in flight", "waiting", "identity", "counted"}}
	t.Notes = []string{fmt.Sprintf("%d nodes, %d calls in flight", len(p.Nodes), p.InFlight), "since it was made: " + p.Counters.String()}
	ordered := slices.Clone(p.Nodes)
	slices.SortStableFunc(ordered, func(a, b debug.Node) int { return first(down(a), down(b)) })
	for _, n := range ordered {
		t.add(down(n), nodeName(n), n.State, len(n.Conns), n.InFlight, n.Waiting, n.Identity, n.Counters)
	}
	return t
}

func down(n debug.Node) bool { return n.State == muxpool.NodeDown.String() }

func nodeName(n debug.Node) string { return n.Network + "://" + n.Address }

func (p *pool) conns() table {
	t := table{Title: title("Connections of pool", p.Name), Head: []string{"node", "local", "state", "age", "in flight", "ids reserved", "queued", "bytes in", "bytes out", "identity", "the peer takes"}}
	for _, n := range p.Nodes {
		for _, c := range n.Conns {
			state := c.State
			if c.Bulk {
				state += ", bulk"
			}
			queued := ""
			if c.QueuedFrames > 0 {
				queued = fmt.Sprintf("%d frames, %d bytes", c.QueuedFrames, c.QueuedBytes)
			}
			t.add(false, nodeName(n), c.Local, state, age(time.Duration(c.AgeMS)*time.Millisecond), c.InFlight, c.Reserved, queued,
				c.BytesRead, c.BytesWritten, n.Identity, c.Peer)
		}
	}
	if len(t.Rows) == 0 {
		t.Notes = []string{"none"}
	}
	return t
}

func (s *service) table() table {
	t := table{Title: title("Service", s.Name), Notes: []string{s.Health}, Head: []string{"method", "running", "good", "errors"}}
	var now []string
	for _, g := range s.Gauges {
		figure := fmt.Sprintf("%s: %d", g.What, g.Now)
		if g.Max > 0 {
			figure += fmt.Sprintf(" of %d", g.Max)
		}
		now = append(now, figure)
	}
	t.Notes = append(t.Notes, strings.Join(now, ", "))
	if len(s.Refused) > 0 {
		t.Notes = append(t.Notes, "refused: "+counts(s.Refused))
	}
	for _, m := range s.Methods {
		t.add(false, m.Method, m.Running, m.OK, counts(m.Errors))
	}
	return t
}

func counts(all []count) string {
	parts := make([]string, len(all))
	for i, c := range all {
		parts[i] = fmt.Sprintf("%d %s", c.Count, c.What)
	}
	return strings.Join(parts, ", ")
}
