// Command muxbench measures muxkit and its rivals side by side on the same
// work: an echo, called by many callers at once, in a closed loop or in an open one.
//
//	harness      how it is measured: two fresh processes for each measurement, loads,
//	             histograms, networks, rounds, records
//	contenders   what is measured: a file each
//	report       what is asked, and told: targets, tables, plots, growth
//	check        whether the program measures what it says
//
//	parent: plan -> rounds -> records -> table, JSON, SVG, Markdown
//	   |  one pair of processes for each measurement, started afresh
//	   +-- server process: a contender's echo server
//	   +-- client process: a contender's client and the callers
//
// A round visits every cell (contender, payload size, number of callers, ...) once,
// in an order of its own, so that a slow minute of the machine hits everybody.
// Figures are medians over rounds; ratios are taken inside a round, then their
// median. Callers check the nonce in every answer; one wrong answer fails the
// measurement.
//
// To add a rival: write a type with the three methods of harness.Contender (raw.go of
// contenders is the smallest example) and name it in all.go.
package main
