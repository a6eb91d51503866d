package main

// What costs what: muxkit against itself, one thing changed at a time.

// costRow compares an entry, on a network, with another.
type costRow struct {
	What           string
	Entry, Net     string
	Against, OnNet string
}

// The loads at which costs are measured.
var (
	costSizes   = []int{128, 4 << 10, 64 << 10}
	costCallers = []int{64, 512}
)

var costRows = []costRow{
	{"no context, no deadline", muxkitConn + withoutContexts, "tcp", muxkitConn, "tcp"},
	{"deadline.WithTimeout instead of context.WithTimeout", muxkitConn + withDeadline, "tcp", muxkitConn, "tcp"},
	{"GetOptions.WithTimeout instead of context.WithTimeout", muxkitTimeout, "tcp", muxkitConn, "tcp"},
	{"answers kept, not released", muxkitKeep, "tcp", muxkitConn, "tcp"},
	{"TLS", muxkitConn, "tls", muxkitConn, "tcp"},
	{"unix socket", muxkitConn, "unix", muxkitConn, "tcp"},
	{"Go kit Client and Server, inline", muxkitInline, "tcp", muxkitConn, "tcp"},
	{"Client and Server: deadline.WithTimeout instead of context.WithTimeout", muxkitClient + withDeadline, "tcp", muxkitClient, "tcp"},
	{"Client and Server: ClientTimeout instead of context.WithTimeout", muxkitClientTimeout, "tcp", muxkitClient, "tcp"},
	{"Client and Server: bodies as []byte, copied, instead of Buffers", muxkitCopied + withDeadline, "tcp", muxkitClient + withDeadline, "tcp"},
	{"a goroutine per request on the server", muxkitClient, "tcp", muxkitInline, "tcp"},
	{"Retry, Balancer and breaker", muxkitChain, "tcp", muxkitClient, "tcp"},
}

// cells returns the row's two cells under a load.
func (r costRow) cells(size, callers int) (cell, against Cell) {
	return Cell{r.Entry, r.Net, size, callers, false, 0}, Cell{r.Against, r.OnNet, size, callers, false, 0}
}

// costCells is what must be measured for all rows.
func costCells() []Cell {
	var cells []Cell
	for _, size := range costSizes {
		for _, callers := range costCallers {
			for _, row := range costRows {
				a, b := row.cells(size, callers)
				for _, c := range []Cell{a, b} {
					if _, err := findEntry(c.Entry); err == nil {
						cells = append(cells, c)
					}
				}
			}
		}
	}
	return mergeLoads(cells)
}
