package debug

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// writeText writes the page as tables: nodes, their connections, counters that
// are not zero, and events.
func (p Page) writeText(w io.Writer) {
	fmt.Fprintf(w, "muxpool at %s: %d nodes, %d calls in flight\n", p.Time.Format(time.RFC3339), len(p.Nodes), p.InFlight)
	fmt.Fprintf(w, "since the pool was made: %s\n", p.Counters)
	if p.EventsLost > 0 {
		fmt.Fprintf(w, "%d events did not reach a subscriber\n", p.EventsLost)
	}
	table(w, "NODE\tSTATE\tCONNS\tIN FLIGHT\tWAITING\tIDENTITY\tCOUNTERS", p.Nodes, func(n Node) string {
		return fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%s\t%s", n.name(), n.State, len(n.Conns), n.InFlight, n.Waiting, n.Identity, n.Counters)
	})
	var conns []string
	for _, n := range p.Nodes {
		for _, c := range n.Conns {
			conns = append(conns, fmt.Sprintf("%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s",
				n.name(), c.Local, c.Remote, ofBulk(c.State, c.Bulk), c.InFlight, c.Reserved, c.QueuedFrames, c.QueuedBytes, c.Frames, c.BytesRead, c.BytesWritten, c.Peer))
		}
	}
	table(w, "CONNECTION OF\tLOCAL\tREMOTE\tSTATE\tIN FLIGHT\tRESERVED IDS\tQUEUED FRAMES\tQUEUED BYTES\tFRAMES IN\tBYTES IN\tBYTES OUT\tTHE PEER TAKES", conns,
		func(line string) string { return line })
	table(w, "EVENT\tNODE\tWHAT\tATTEMPT\tWHY", p.Events, func(e Event) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", e.Time.Format("15:04:05.000"), e.Network+"://"+e.Address, ofBulk(e.Kind, e.Bulk), attempt(e.Attempt), e.why())
	})
}

// ofBulk marks what is the bulk connection's.
func ofBulk(word string, bulk bool) string {
	if bulk {
		word += ", bulk"
	}
	return word
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
	why := e.Reason + e.Error
	if e.Error != "" && e.Reason != "" {
		why = e.Reason + ": " + e.Error
	}
	if e.Lost > 0 {
		why += fmt.Sprintf(" (%d events before it were lost)", e.Lost)
	}
	return why
}

// counted is a figure and what it counts.
type counted struct {
	name  string
	count uint64
}

// list lists the figures that are not zero.
func list(figures ...counted) (parts []string) {
	for _, k := range figures {
		if k.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", k.count, k.name))
		}
	}
	return parts
}

// String lists the counters that are not zero.
func (c Counters) String() string {
	parts := list(counted{"dials", c.Dials}, counted{"dial failures", c.DialFailures}, counted{"ms of dials", uint64(c.DialMS)},
		counted{"waits", c.Waits}, counted{"ms of waits", uint64(c.WaitMS)}, counted{"expels", c.Expelled})
	for _, reason := range slices.Sorted(maps.Keys(c.ConnsClosed)) {
		parts = append(parts, fmt.Sprintf("%d closed: %s", c.ConnsClosed[reason], reason))
	}
	parts = append(parts, list(
		counted{"calls", c.Calls.Started}, counted{"answered", c.Calls.Answered}, counted{"abandoned", c.Calls.Abandoned},
		counted{"canceled", c.Calls.Canceled}, counted{"timed out", c.Calls.TimedOut}, counted{"read too slowly", c.Calls.Overflowed},
		counted{"too large", c.Calls.TooLarge}, counted{"lost", c.Calls.Lost}, counted{"taken back", c.Calls.TakenBack},
		counted{"bytes in", c.BytesRead}, counted{"bytes out", c.BytesWritten}, counted{"reads", c.Reads}, counted{"writes", c.Writes},
		counted{"late", c.Late}, counted{"duplicate", c.Duplicate}, counted{"unknown", c.Unknown}, counted{"unsolicited", c.Unsolicited},
		counted{"overflowed", c.Overflowed}, counted{"malformed", c.Malformed}, counted{"refused", c.Refused})...)
	if parts == nil {
		return "nothing counted"
	}
	return strings.Join(parts, ", ")
}

// String lists what the peer has told.
func (p *Peer) String() string {
	if p == nil {
		return ""
	}
	parts := list(counted{"bytes a frame", uint64(p.MaxFrameSize)}, counted{"calls", uint64(p.MaxCalls)},
		counted{"pairs of metadata", uint64(p.MaxMetadataPairs)}, counted{"bytes of metadata", uint64(p.MaxMetadataBytes)})
	if p.Features != 0 {
		parts = append(parts, fmt.Sprintf("features %#x", p.Features))
	}
	if p.MaxVersion != 0 {
		parts = append(parts, fmt.Sprintf("versions %d to %d", p.MinVersion, p.MaxVersion))
	}
	return strings.Join(parts, ", ")
}
