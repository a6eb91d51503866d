// Package report says what is to be measured, and what was: targets, tables, plots.
package report

import (
	"fmt"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// The questions that a closed loop does not answer: how long does a call take while there
// is room to spare, and what do large answers do to small ones?

// Entries of muxkit as their documentation advises, and the rivals as theirs do.
const (
	pool   = contenders.MuxkitConn + harness.WithDeadline
	client = contenders.MuxkitClient + harness.WithDeadline
	chain  = contenders.MuxkitChain + harness.WithDeadline
	grpc   = "grpc"
	h2c    = "connect"
)

// Latency against offered load.
const openCallers = 512 // how many calls may be out at once

var (
	openPercents = []int{50, 70, 90}
	openEntries  = []string{client, chain, grpc, h2c}
)

// openCell is a share of what the entry makes of 128 B at the most.
func openCell(entry string, percent int) harness.Cell {
	c := harness.On(entry, 128, openCallers)
	c.Percent = percent
	if percent == 0 {
		c.Rate = harness.Flood
	}
	return c
}

// openCells are the maxima, and after them the shares.
func openCells() []harness.Cell {
	var cells []harness.Cell
	for _, percent := range append([]int{0}, openPercents...) {
		for _, e := range openEntries {
			cells = append(cells, openCell(e, percent))
		}
	}
	return cells
}

// beside is small calls in an open loop beside large answers.
type beside struct {
	what string
	net  string
	rate int
	bulk harness.Bulk
}

const smallAlone = 20_000 // calls/s, nothing beside

var besides = []beside{
	{"nothing beside", harness.TCP, smallAlone, harness.Bulk{}},
	{"loopback, 4 callers of 1 MiB", harness.TCP, 2000, harness.Bulk{Callers: 4, Size: 1 << 20}},
	{"loopback, 2 callers of 8 MiB", harness.TCP, 500, harness.Bulk{Callers: 2, Size: 8 << 20}},
	{"link of 800 Mbit/s, 3 callers of 4 MB", harness.Link, 500, harness.Bulk{Callers: 3, Size: 4_000_000}},
	{"fair relay of 100 MiB/s, 1 caller of 4 MiB", harness.Relay, 500, harness.Bulk{Callers: 1, Size: 4 << 20}},
	{"fair relay of 100 MiB/s, 3 callers of 4 MiB", harness.Relay, 500, harness.Bulk{Callers: 3, Size: 4 << 20}},
}

var besideEntries = []string{pool, client, chain, grpc}

func (b beside) cell(entry string) harness.Cell {
	c := harness.On(entry, 128, besideCallers)
	c.Net, c.Rate, c.Bulk = b.net, b.rate, b.bulk
	return c
}

// besideCallers is how many small calls may be out at once.
const besideCallers = 256

func besideCells() []harness.Cell {
	var cells []harness.Cell
	for _, b := range besides {
		for _, e := range besideEntries {
			cells = append(cells, b.cell(e))
		}
	}
	return cells
}

func (b beside) String() string { return fmt.Sprintf("%s, %d/s", b.what, b.rate) }

// What the chain costs, from the pool upward.
var (
	layerEntries = []string{pool, contenders.MuxkitByHand + harness.WithDeadline, client, chain}
	layerCallers = []int{64, 512}
)

// rivalEntries are whole stacks first, and then pools.
var rivalEntries = []string{client, chain, grpc, h2c, "gokit-grpc", "gokit-http", pool, "trpc", "netpoll", "rueidis", "raw"}

func layerCells() []harness.Cell {
	return Product(named(append(rivalEntries, layerEntries...)), []string{harness.TCP}, []int{128}, layerCallers, false)
}
