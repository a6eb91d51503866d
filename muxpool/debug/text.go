package debug

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// writeText writes the page as tables: nodes, their connections, counters that
// are not zero, and events.
func (p Page) writeText(w io.Writer) {
	fmt.Fprintf(w, "muxpool at %s: %d nodes, %d calls in flight\n", p.Time.Format(time.RFC3339), len(p.Nodes), p.InFlight)
	fmt.Fprintf(w, "since the pool was made: %s\n", p.Counters)
	table(w, "NODE\tSTATE\tCONNS\tIN FLIGHT\tWAITING\tCOUNTERS", p.Nodes, func(n Node) string {
		return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%s", n.name(), n.State, len(n.Conns), n.InFlight, n.Waiting, n.Counters)
	})
	var conns []string
	for _, n := range p.Nodes {
		for _, c := range n.Conns {
			conns = append(conns, fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d",
				n.name(), c.Local, c.Remote, c.State, c.InFlight, c.Reserved, c.QueuedFrames, c.QueuedBytes, c.Frames))
		}
	}
	table(w, "CONNECTION OF\tLOCAL\tREMOTE\tSTATE\tIN FLIGHT\tRESERVED IDS\tQUEUED FRAMES\tQUEUED BYTES\tFRAMES IN", conns,
		func(line string) string { return line })
	table(w, "EVENT\tNODE\tWHAT\tATTEMPT\tWHY", p.Events, func(e Event) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", e.Time.Format("15:04:05.000"), e.Network+"://"+e.Address, e.Kind, attempt(e.Attempt), e.why())
	})
}

// table writes a head and a line for each row, in columns; nothing of no rows.
func table[T any](w io.Writer, head string, rows []T, line func(T) string) {
	if len(rows) == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "\n%s\n", head)
	for _, row := range rows {
		fmt.Fprintln(tw, line(row))
	}
	tw.Flush()
}

func (n Node) name() string { return n.Network + "://" + n.Address }

func attempt(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (e Event) why() string {
	if e.Error == "" || e.Reason == "" {
		return e.Reason + e.Error
	}
	return e.Reason + ": " + e.Error
}

// String lists the counters that are not zero.
func (c Counters) String() string {
	var parts []string
	for _, k := range []struct {
		name  string
		count uint64
	}{
		{"dials", c.Dials}, {"dial failures", c.DialFailures}, {"late", c.Late}, {"duplicate", c.Duplicate},
		{"unknown", c.Unknown}, {"unsolicited", c.Unsolicited}, {"overflowed", c.Overflowed}, {"malformed", c.Malformed},
		{"refused", c.Refused},
	} {
		if k.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", k.count, k.name))
		}
	}
	if parts == nil {
		return "nothing counted"
	}
	return strings.Join(parts, ", ")
}
