//go:build muxguard

package wire

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"unsafe"
)

// With the build tag muxguard, Alloc and Free watch over their users: memory that is
// given back is filled with a pattern and kept for a while. The process ends if it is
// given back again, or is found written to when its turn comes: a panic would be
// contained as any user's. Who still reads it reads
// the pattern, and under the race detector races with the filling. Fresh memory is
// not zero either.
const guarded = true

var guard = guardian{held: make(map[*byte]bool), queues: make(map[int][][]byte), fail: end}

// guardian holds what was given back. It holds the memory itself, so that nothing
// else can be at its address.
type guardian struct {
	mu     sync.Mutex
	queues map[int][][]byte // by size, whole, the oldest first
	held   map[*byte]bool
	fail   func(complaint string)
}

func end(complaint string) {
	os.Stderr.WriteString("fatal: wire: " + complaint + "\n" + string(debug.Stack()))
	os.Exit(2)
}

const (
	guardKeeps = 128 << 10 // bytes of each size, and larger memory not at all
	guardMost  = 32        // pieces of each size
	guardFills = 16 << 10
	freedByte  = 0xdb
	freshByte  = 0xa5
)

var freedBytes = bytes.Repeat([]byte{freedByte}, guardFills)

// alloc returns memory that has waited behind others, if there is any of the size.
func (g *guardian) alloc(n, size int) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queues[size]) > guardMost/2 {
		return g.release(size)[:n]
	}
	b := make([]byte, size)
	fill(b, freshByte)
	return b[:n]
}

func (g *guardian) free(b []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	size := len(b)
	if g.held[unsafe.SliceData(b)] {
		g.fail(fmt.Sprintf("%d bytes of memory are given back twice", size))
		return
	}
	fill(b, freedByte)
	if size > guardKeeps {
		return
	}
	g.queues[size] = append(g.queues[size], b)
	g.held[unsafe.SliceData(b)] = true
	if n := len(g.queues[size]); n > guardMost || n*size > guardKeeps {
		g.release(size)
	}
}

// release lets the oldest memory of a size go, whose pattern has to be there.
func (g *guardian) release(size int) []byte {
	b := g.queues[size][0]
	g.queues[size] = slices.Delete(g.queues[size], 0, 1)
	delete(g.held, unsafe.SliceData(b))
	head, tail := b[:min(size, guardFills)], b[max(0, size-guardFills):]
	if !bytes.Equal(head, freedBytes[:len(head)]) || !bytes.Equal(tail, freedBytes[:len(tail)]) {
		g.fail(fmt.Sprintf("%d bytes of memory were written to after they were given back", size))
	}
	return b
}

// fill writes over the beginning and the end.
func fill(b []byte, with byte) {
	for _, part := range [][]byte{b[:min(len(b), guardFills)], b[max(0, len(b)-guardFills):]} {
		for i := range part {
			part[i] = with
		}
	}
}
