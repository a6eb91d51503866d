package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What docs/performance.md shows beside targets and costs.
var (
	smallCallers = []int{1, 8, 64, 512, 4096} // at 128 B
	largeSizes   = []int{4 << 10, 64 << 10}
	largeCallers = []int{8, 64, 512}

	networkEntries = []string{"raw", muxkitConn, muxkitClient, "trpc", "grpc"}
	networkCallers = []int{64, 512}

	oneCoreEntries = []string{"raw", muxkitConn, muxkitConn + withDeadline, muxkitTimeout, muxkitClient, "trpc", "grpc", "netpoll", "rueidis"}
)

const (
	networkSize = 128
	pageNodes   = 1000
)

// product returns a cell for each combination that the entries can do, in the
// order of a run: cells that share a load are neighbours.
func product(chosen []Entry, nets []string, sizes, callers []int, pinned bool) []Cell {
	var cells []Cell
	for _, network := range nets {
		for _, size := range sizes {
			for _, c := range callers {
				for _, e := range chosen {
					if e.Info().runsOn(network) {
						cells = append(cells, Cell{e.Name, network, size, c, pinned, 0})
					}
				}
			}
		}
	}
	return cells
}

// fullPlan is everything that docs/performance.md shows, and no more.
func fullPlan() []Cell {
	rivals := pageEntries()
	cells := product(rivals, []string{"tcp"}, []int{128}, smallCallers, false)
	cells = append(cells, product(rivals, []string{"tcp"}, largeSizes, largeCallers, false)...)
	cells = append(cells, costCells()...)
	cells = append(cells, product(named(networkEntries), allNets, []int{networkSize}, networkCallers, false)...)
	cells = append(cells, product(named(oneCoreEntries), []string{"tcp"}, []int{128}, []int{1}, true)...)
	cells = append(cells, nodeCells(pageNodes)...)
	return mergeLoads(append(cells, targetCells()...))
}

// pageEntries are the rows of the page's large tables: every contender, and the ways
// in which muxkit takes a deadline.
func pageEntries() []Entry {
	return slices.DeleteFunc(entries(), func(e Entry) bool {
		return (!e.usual() || e.Info().Variant) && !slices.Contains(deadlineEntries, e.Name)
	})
}

var deadlineEntries = []string{
	muxkitConn + withDeadline, muxkitClient + withDeadline, muxkitChain + withDeadline, muxkitTimeout, muxkitClientTimeout,
}

// named are the entries of those names that are there.
func named(names []string) []Entry {
	return slices.DeleteFunc(entries(), func(e Entry) bool { return !slices.Contains(names, e.Name) })
}

// mergeLoads drops what comes twice, and makes neighbours of cells that share a
// load.
func mergeLoads(cells []Cell) []Cell {
	var loads []Cell
	groups := map[Cell][]Cell{}
	for _, c := range cells {
		load := c
		load.Entry = ""
		if groups[load] == nil {
			loads = append(loads, load)
		}
		if !slices.Contains(groups[load], c) {
			groups[load] = append(groups[load], c)
		}
	}
	var merged []Cell
	for _, load := range loads {
		merged = append(merged, groups[load]...)
	}
	return merged
}

// numbers parses a comma-separated list of numbers from low to high.
func numbers(option, list string, low, high int) ([]int, error) {
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

func networks(list string) ([]string, error) {
	all := strings.Split(list, ",")
	for _, n := range all {
		if !slices.Contains(allNets, n) {
			return nil, fmt.Errorf("-net: %q is none of %s", n, strings.Join(allNets, ", "))
		}
	}
	return all, nil
}
