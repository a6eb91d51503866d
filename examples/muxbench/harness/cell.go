package harness

import "fmt"

// Cell is what is measured: an entry under one load.
type Cell struct {
	Entry   string
	Net     string // one of Nets
	Size    int    // bytes of payload, there and back
	Callers int    // in a closed loop; in an open one, how many calls may be out at once
	Pinned  bool   `json:",omitzero"` // both processes on one CPU
	Nodes   int    `json:",omitzero"` // servers that the callers share among them; 0: one
	Procs   int    `json:",omitzero"` // GOMAXPROCS of both processes; 0: as the run's
	Heap    int    `json:",omitzero"` // MiB that live on the heaps of both processes, beside the contender
	Rate    int    `json:",omitzero"` // calls/s that are due, in an open loop; Flood: all at once; 0: a closed loop
	Percent int    `json:",omitzero"` // Rate is so much of what the cell made with Flood, in the same round
	Bulk    Bulk   `json:",omitzero"` // large answers beside

	Profiled bool `json:",omitzero"` // where the CPU time went is noted as well
}

// Flood as a Rate: a call is due whenever there is a caller for it. What is answered
// then is the maximum of the open loop.
const Flood = -1

// Bulk are callers, in a closed loop, of calls with a small request and a large answer.
type Bulk struct{ Callers, Size int }

// Networks. TLS is over TCP; over a Relay each connection gets its share of RelayRate;
// a Link joins two network namespaces and carries LinkRate.
const (
	TCP   = "tcp"
	TLS   = "tls"
	Unix  = "unix"
	Relay = "relay"
	Link  = "link"
)

// base is the network that a contender knows the cell's as.
func (c Cell) base() string {
	if c.Net == Relay || c.Net == Link {
		return TCP
	}
	return c.Net
}

// On is a cell of a closed loop over TCP.
func On(entry string, size, callers int) Cell {
	return Cell{Entry: entry, Net: TCP, Size: size, Callers: callers}
}

// Load is the cell without who is measured: cells that share it are compared.
func (c Cell) Load() Cell {
	c.Entry = ""
	return c
}

// Of is the same load with another entry.
func (c Cell) Of(entry string) Cell {
	c.Entry = entry
	return c
}

// maximum is the cell whose calls a second Percent is of.
func (c Cell) maximum() Cell {
	c.Percent, c.Rate = 0, Flood
	return c
}

func (c Cell) String() string {
	s := fmt.Sprintf("%s %s %s c=%d", c.Entry, c.Net, SizeName(c.Size), c.Callers)
	if c.Pinned {
		s += " pinned"
	}
	if c.Nodes > 0 {
		s += fmt.Sprintf(" nodes=%d", c.Nodes)
	}
	if c.Procs > 0 {
		s += fmt.Sprintf(" procs=%d", c.Procs)
	}
	if c.Heap > 0 {
		s += fmt.Sprintf(" heap=%d MiB", c.Heap)
	}
	switch {
	case c.Percent > 0:
		s += fmt.Sprintf(" at %d%%", c.Percent)
	case c.Rate == Flood:
		s += " all due at once"
	case c.Rate > 0:
		s += fmt.Sprintf(" at %d/s", c.Rate)
	}
	if c.Bulk.Callers > 0 {
		s += fmt.Sprintf(" beside %d x %s", c.Bulk.Callers, SizeName(c.Bulk.Size))
	}
	return s
}

// SizeName writes 128 as "128 B", 4096 as "4 KiB" and 1000000 as "1 MB".
func SizeName(size int) string {
	switch {
	case size >= 1<<20 && size%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", size>>20)
	case size >= 1024 && size%1024 == 0:
		return fmt.Sprintf("%d KiB", size/1024)
	case size >= 1e6 && size%1e6 == 0:
		return fmt.Sprintf("%d MB", size/1e6)
	}
	return fmt.Sprintf("%d B", size)
}
