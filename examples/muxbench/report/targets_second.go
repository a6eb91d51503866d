package report

import (
	"fmt"
	"strings"

	"github.com/muxkit/muxkit/examples/muxbench/contenders"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// The targets of the second round: speed where users are. A row without a bound is told
// and not judged.

const (
	tuned    = contenders.MuxkitConn + harness.WithDeadline
	newcomer = contenders.MuxkitNewcomer
	byHand   = contenders.MuxkitByHand + harness.WithDeadline
	copied   = contenders.MuxkitCopied + harness.WithDeadline
	inline   = contenders.MuxkitInline + harness.WithDeadline
	memory   = contenders.MuxkitMemory + harness.WithoutContexts
	copies   = contenders.MuxkitCopies + harness.WithDeadline
)

// secondTargets lists them in the order of the questions.
func secondTargets() []target {
	var all []target
	for _, c := range []int{64, 512} {
		all = append(all, over("whole chain / Client", harness.On(chain, 128, c), client, 0.9))
	}
	for _, c := range callersOfTargets {
		all = append(all, over("Client and Service / by hand on the pool", harness.On(client, 128, c), byHand, 0.95))
	}
	for _, c := range []int{64, 512} {
		all = append(all, over("newcomer's code / tuned", harness.On(newcomer, 128, c), tuned, 0.8),
			over("newcomer's memory beside tuned / tuned", harness.On(memory, 128, c), tuned, told))
	}
	all = append(all, bodyTargets()...)
	all = append(all, tlsTargets()...)
	all = append(all, besideTargets()...)
	all = append(all, target{
		What: "chain at 70% of its maximum: p99 / p50", Cell: openCell(chain, 70), Metric: harness.TailOverMiddle, Bound: 5, AtMost: true,
	})
	all = append(all, manyTargets()...)
	all = append(all, over("a goroutine per request / inline, Client and Service", harness.On(client, 128, 64), inline, 0.9))
	for _, size := range []int{64 << 10, 1_000_000} {
		all = append(all, over("muxkit / raw", harness.On(tuned, size, 4), "raw", 0.8))
	}
	for _, c := range []int{64} {
		all = append(all, over("Client and Service / connect-go v2 over h2c", harness.On(client, 128, c), h2c, told))
	}
	return append(append(all, thriftTargets()...), cpuTargets()...)
}

// thriftTargets are those of Kitex's users: the same protocol and codec on both sides.
func thriftTargets() []target {
	var all []target
	for i, against := range []string{"kitex-mux", "kitex-pool"} {
		for _, callers := range []int{64, 512} {
			all = append(all, over("ttheader on muxkit / "+against, harness.On(contenders.MuxkitTTHeader+harness.WithDeadline, 1<<10, callers), against, []float64{2, 3}[i]))
		}
	}
	return all
}

// priceTargets are those that compare muxkit with itself, one thing changed, and have a bound.
func priceTargets() []target {
	var all []target
	for _, t := range secondTargets() {
		if t.Metric == nil && t.Bound != told && strings.HasPrefix(t.Cell.Entry, "muxkit") && (strings.HasPrefix(t.Against.Entry, "muxkit") || t.Against.Net == harness.TLS) {
			all = append(all, t)
		}
	}
	return all
}

// told is the bound of what is not judged.
const told = 0

// over compares the calls a second of a cell with those of another entry under the same
// load.
func over(what string, c harness.Cell, against string, bound float64) target {
	return target{What: fmt.Sprintf("%s, %s, c=%d", what, harness.SizeName(c.Size), c.Callers), Cell: c, Against: c.Of(against), Bound: bound}
}

func bodyTargets() []target {
	var all []target
	for _, heap := range []int{0, 64} {
		what, bound := "[]byte codecs / Buffers", 0.7
		if heap > 0 {
			what, bound = fmt.Sprintf("[]byte codecs / Buffers, %d MiB live on both heaps", heap), 0.85
		}
		for _, size := range []int{4 << 10, 64 << 10} {
			c := harness.On(copied, size, 64)
			c.Heap = heap
			all = append(all, over(what, c, client, bound))
			c.Entry = copies
			all = append(all, over(strings.Replace(what, "[]byte codecs", "copies beside Buffers", 1), c, client, told))
		}
	}
	return all
}

func tlsTargets() []target {
	var all []target
	for i, size := range []int{128, 4 << 10} {
		c := harness.On(tuned, size, 64)
		c.Net = harness.TLS
		all = append(all, over("TLS: pool / a raw connection per caller", c, "raw", []float64{3, 1.9}[i]))
	}
	for i, callers := range []int{64, 512} {
		c := harness.On(tuned, 4<<10, callers)
		t := over("TLS / plain TCP, pool", c, tuned, []float64{0.65, 0.5}[i])
		t.Cell.Net = harness.TLS
		all = append(all, t)
	}
	return all
}

// besideBounds are those of p99 against grpc, in the order of besides.
var besideBounds = [][]float64{{0.2}, {0.7}, {0.7}, {1, 0.5}, {0.1}, {0.1}}

func besideTargets() []target {
	var all []target
	for i, b := range besides {
		for _, bound := range besideBounds[i] {
			all = append(all, target{
				What: fmt.Sprintf("p99 of 128 B, %v: Client / grpc", b), Cell: b.cell(client), Against: b.cell(grpc),
				Metric: harness.P99Millis, Bound: bound, AtMost: true,
			})
		}
	}
	for _, b := range besides[1:3] {
		all = append(all, target{
			What: fmt.Sprintf("large answers/s, %v: Client / grpc", b), Cell: b.cell(client), Against: b.cell(grpc),
			Metric: harness.LargePerSecond, Bound: 1.3,
		})
	}
	return all
}

func manyTargets() []target {
	all := []target{{What: "muxkit, 128 B, c=4096 / c=512", Bound: 0.75}, {What: "muxkit, 128 B, c=4096 / c=512, one processor", Bound: 0.7}}
	for i := range all {
		all[i].Cell, all[i].Against = harness.On(tuned, 128, 4096), harness.On(tuned, 128, 512)
		all[i].Cell.Procs, all[i].Against.Procs = i, i
	}
	return all
}

// cpuTargets compare CPU time, which moves least from machine to machine.
func cpuTargets() []target {
	var all []target
	for _, c := range []int{64, 512} {
		cell := harness.On(tuned, 128, c)
		all = append(all, target{
			What: fmt.Sprintf("CPU time of both sides: muxkit / the other commit's, 128 B, c=%d", c),
			Cell: cell, Against: cell.Of(tuned + harness.OfOther), Metric: harness.CPUMicros, Bound: 0.75, AtMost: true,
		})
	}
	for _, c := range []int{64, 512} {
		cell := harness.On(tuned, 128, c)
		all = append(all, target{
			What: fmt.Sprintf("CPU time of both sides: trpc / muxkit, 128 B, c=%d", c),
			Cell: cell.Of("trpc"), Against: cell, Metric: harness.CPUMicros, Bound: told,
		})
	}
	return all
}
