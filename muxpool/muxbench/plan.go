package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// load of the default plan and of docs/performance.md.
var (
	defaultSizes   = []int{128, 4 << 10, 64 << 10}
	defaultCallers = []int{1, 8, 64, 512, 4096}
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
						cells = append(cells, Cell{e.Name, network, size, c, pinned})
					}
				}
			}
		}
	}
	return cells
}

// fullPlan is everything that docs/performance.md shows.
func fullPlan() ([]Cell, error) {
	main, err := selectEntries("")
	if err != nil {
		return nil, err
	}
	cells := product(main, []string{"tcp"}, defaultSizes, defaultCallers, false)
	cells = append(cells, costCells()...)
	return mergeLoads(append(cells, targetCells()...)), nil
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
