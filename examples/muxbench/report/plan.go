package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// What docs/performance/closed-loop.md shows beside costs.
var (
	smallCallers = []int{1, 8, 64, 512, 4096} // at 128 B
	largeSizes   = []int{4 << 10, 64 << 10}
	largeCallers = []int{8, 64, 512}

	networkEntries = []string{"raw", contenders.MuxkitConn, contenders.MuxkitClient, "trpc", "grpc"}
	networkCallers = []int{64, 512}

	oneCoreEntries = []string{"raw", contenders.MuxkitConn, contenders.MuxkitConn + harness.WithDeadline, contenders.MuxkitTimeout, contenders.MuxkitClient, "trpc", "grpc", "netpoll", "rueidis"}
)

const (
	networkSize = 128
	pageNodes   = 1000
)

// Product returns a cell for each combination that the entries can do, in the
// order of a run: cells that share a load are neighbours.
func Product(chosen []harness.Entry, nets []string, sizes, callers []int, pinned bool) []harness.Cell {
	var cells []harness.Cell
	for _, network := range nets {
		for _, size := range sizes {
			for _, c := range callers {
				for _, e := range chosen {
					cell := harness.Cell{Entry: e.Name, Net: network, Size: size, Callers: c, Pinned: pinned}
					if e.Info().Can(cell) {
						cells = append(cells, cell)
					}
				}
			}
		}
	}
	return cells
}

// FullPlan is everything that docs/performance.md and docs/performance/closed-loop.md show.
func FullPlan() []harness.Cell {
	rivals := pageEntries()
	cells := Product(rivals, []string{"tcp"}, []int{128}, smallCallers, false)
	cells = append(cells, Product(rivals, []string{"tcp"}, largeSizes, largeCallers, false)...)
	cells = append(cells, costCells()...)
	cells = append(cells, Product(named(networkEntries), harness.AllNets, []int{networkSize}, networkCallers, false)...)
	cells = append(cells, Product(named(oneCoreEntries), []string{"tcp"}, []int{128}, []int{1}, true)...)
	cells = append(cells, NodeCells(pageNodes)...)
	return mergeLoads(append(cells, TargetCells()...))
}

// pageEntries are the rows of the page's large tables: every contender, and the ways
// in which muxkit takes a deadline.
func pageEntries() []harness.Entry {
	return slices.DeleteFunc(harness.Entries(), func(e harness.Entry) bool {
		return (!e.Usual() || e.Info().Variant) && !slices.Contains(deadlineEntries, e.Name)
	})
}

var deadlineEntries = []string{
	contenders.MuxkitConn + harness.WithDeadline, contenders.MuxkitClient + harness.WithDeadline, contenders.MuxkitChain + harness.WithDeadline, contenders.MuxkitTimeout, contenders.MuxkitClientTimeout,
}

// named are the entries of those names that are there.
func named(names []string) []harness.Entry {
	return slices.DeleteFunc(harness.Entries(), func(e harness.Entry) bool { return !slices.Contains(names, e.Name) })
}

// mergeLoads drops what comes twice, and makes neighbours of cells that share a
// load.
func mergeLoads(cells []harness.Cell) []harness.Cell {
	var loads []harness.Cell
	groups := map[harness.Cell][]harness.Cell{}
	for _, c := range cells {
		load := c.Load()
		if groups[load] == nil {
			loads = append(loads, load)
		}
		if !slices.Contains(groups[load], c) {
			groups[load] = append(groups[load], c)
		}
	}
	var merged []harness.Cell
	for _, load := range loads {
		merged = append(merged, groups[load]...)
	}
	return merged
}

// Numbers parses a comma-separated list of numbers from low to high.
func Numbers(option, list string, low, high int) ([]int, error) {
	var all []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < low || n > high {
			return nil, fmt.Errorf("%s: %q is not a number from %d to %d", option, s, low, high)
		}
		all = append(all, n)
	}
	return all, nil
}

// Networks parses a comma-separated list of networks.
func Networks(list string) ([]string, error) {
	all := strings.Split(list, ",")
	known := append(slices.Clone(harness.AllNets), harness.Relay, harness.Link)
	for _, n := range all {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("-net: %q is none of %s", n, strings.Join(known, ", "))
		}
	}
	return all, nil
}

// nodeEntries are compared with many nodes.
var nodeEntries = []string{contenders.MuxkitConn, "trpc"}

// NodeCells compares them, on n nodes: some callers that go from node to node,
// one that stays at each, and eight that do.
func NodeCells(n int) []harness.Cell {
	var cells []harness.Cell
	for _, callers := range []int{512, n, 8 * n} {
		for _, e := range nodeEntries {
			cells = append(cells, harness.Cell{Entry: e, Net: "tcp", Size: 128, Callers: callers, Nodes: n})
		}
	}
	return cells
}
