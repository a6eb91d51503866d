package report

import (
	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

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
	{"no context, no deadline", contenders.MuxkitConn + harness.WithoutContexts, "tcp", contenders.MuxkitConn, "tcp"},
	{"deadline.WithTimeout instead of context.WithTimeout", contenders.MuxkitConn + harness.WithDeadline, "tcp", contenders.MuxkitConn, "tcp"},
	{"GetOptions.WithTimeout instead of context.WithTimeout", contenders.MuxkitTimeout, "tcp", contenders.MuxkitConn, "tcp"},
	{"answers kept, not released", contenders.MuxkitKeep, "tcp", contenders.MuxkitConn, "tcp"},
	{"TLS", contenders.MuxkitConn, "tls", contenders.MuxkitConn, "tcp"},
	{"unix socket", contenders.MuxkitConn, "unix", contenders.MuxkitConn, "tcp"},
	{"Go kit Client and Server, inline", contenders.MuxkitInline, "tcp", contenders.MuxkitConn, "tcp"},
	{"Client and Server: deadline.WithTimeout instead of context.WithTimeout", contenders.MuxkitClient + harness.WithDeadline, "tcp", contenders.MuxkitClient, "tcp"},
	{"Client and Server: ClientTimeout instead of context.WithTimeout", contenders.MuxkitClientTimeout, "tcp", contenders.MuxkitClient, "tcp"},
	{"Client and Server: bodies as []byte, copied, instead of Buffers", contenders.MuxkitCopied + harness.WithDeadline, "tcp", contenders.MuxkitClient + harness.WithDeadline, "tcp"},
	{"a goroutine per request on the server", contenders.MuxkitClient, "tcp", contenders.MuxkitInline, "tcp"},
	{"Retry, Balancer and breaker", contenders.MuxkitChain, "tcp", contenders.MuxkitClient, "tcp"},
}

// cells returns the row's two cells under a load.
func (r costRow) cells(size, callers int) (cell, against harness.Cell) {
	return harness.Cell{Entry: r.Entry, Net: r.Net, Size: size, Callers: callers}, harness.Cell{Entry: r.Against, Net: r.OnNet, Size: size, Callers: callers}
}

// costCells is what must be measured for all rows.
func costCells() []harness.Cell {
	var cells []harness.Cell
	for _, size := range costSizes {
		for _, callers := range costCallers {
			for _, row := range costRows {
				a, b := row.cells(size, callers)
				for _, c := range []harness.Cell{a, b} {
					if _, err := harness.FindEntry(c.Entry); err == nil {
						cells = append(cells, c)
					}
				}
			}
		}
	}
	return mergeLoads(cells)
}
