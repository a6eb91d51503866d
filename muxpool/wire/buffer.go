package wire

import (
	"math/bits"
	"sync"
	"unsafe"
)

// The size classes of pooled memory: powers of two from 1<<minClass to
// 1<<maxClass bytes. Smaller requests share the smallest class; larger ones are
// not pooled, since one of them would pin more memory than it saves.
const (
	minClass = 7  // 128 B
	maxClass = 20 // 1 MiB
)

// classes holds free memory by size class, as pointers to its first byte: a slice
// would be wrapped, and so allocated, at each Put.
var classes [maxClass - minClass + 1]sync.Pool // of *byte

// Alloc returns n bytes with unspecified content, from pooled memory where it
// can. Give them back with Free, or leave them to the garbage collector.
func Alloc(n int) []byte {
	class := max(bits.Len(uint(max(n, 1)-1)), minClass)
	if class > maxClass {
		return make([]byte, n)
	}
	if p, _ := classes[class-minClass].Get().(*byte); p != nil {
		return unsafe.Slice(p, 1<<class)[:n] // Free took a slice of this capacity
	}
	return make([]byte, n, 1<<class)
}

// Free gives back what Alloc returned, whole: it ignores a slice whose capacity is
// not that of a class, such as nil or one whose beginning was cut off. Nobody may
// hold another reference to the memory, so what Peek returned is not to be freed.
func Free(b []byte) {
	c := cap(b)
	if c < 1<<minClass || c > 1<<maxClass || c&(c-1) != 0 {
		return
	}
	classes[bits.Len(uint(c))-1-minClass].Put(unsafe.SliceData(b))
}
