// Command muxbench measures muxkit and its rivals side by side on the same
// work: an echo, called in a closed loop by many callers at once.
//
//	parent: plan -> rounds -> records -> table, JSON, SVG, Markdown
//	   |  one pair of processes for each measurement, started afresh
//	   +-- server process: a contender's echo server
//	   +-- client process: a contender's client and the callers
//
// A round visits every cell (contender, payload size, number of callers) once,
// in an order of its own, so that a slow minute of the machine hits everybody.
// Figures are medians over rounds; ratios are taken inside a round, then their
// median. Callers check the nonce in every answer; one wrong answer fails the
// measurement.
//
// To add a rival: write a type with the three methods of Contender (c_raw.go is
// the smallest example) and name it in contenders.go.
package main
