package wire

import (
	"math/bits"
	"sync"
	"unsafe"
)

// The sizes of pooled memory: powers of two from 1<<minClass to 1<<maxClass bytes, and
// from there on, where rounding up to a power would waste megabytes, four sizes between
// each and the next, up to 1<<maxLarge. Smaller requests share the smallest size; larger
// ones are not pooled. What nobody uses the garbage collector takes at its second turn.
const (
	minClass   = 7  // 128 B
	maxClass   = 20 // 1 MiB
	maxLarge   = 30 // 1 GiB
	largeSteps = 4  // sizes to each doubling
)

// classes holds free memory by size, as pointers to its first byte: a slice would be
// wrapped, and so allocated, at each Put.
var classes [maxClass - minClass + 1 + largeSteps*(maxLarge-maxClass)]sync.Pool // of *byte

// classOf returns the place in classes for n bytes, and the size of memory there; size is 0
// if there is none.
func classOf(n int) (class, size int) {
	if n > 1<<maxClass {
		return largeClassOf(n)
	}
	log := max(bits.Len(uint(max(n, 1)-1)), minClass)
	return log - minClass, 1 << log
}

// largeClassOf is classOf of more than 1<<maxClass bytes.
func largeClassOf(n int) (class, size int) {
	log := bits.Len(uint(n - 1))
	if log > maxLarge {
		return 0, 0
	}
	step := 1 << log / 2 / largeSteps
	steps := (n + step - 1) / step // more than largeSteps, at most twice that
	return maxClass - minClass + largeSteps*(log-1-maxClass) + steps - largeSteps, steps * step
}

// Alloc returns n bytes with unspecified content, from pooled memory where it
// can. Give them back with Free, or leave them to the garbage collector.
func Alloc(n int) []byte {
	class, size := classOf(n)
	if size == 0 {
		return make([]byte, n)
	}
	if guarded {
		return guard.alloc(n, size)
	}
	if p, _ := classes[class].Get().(*byte); p != nil {
		return unsafe.Slice(p, size)[:n] // Free took a slice of this capacity
	}
	return make([]byte, n, size)
}

// within reports whether b begins in the memory of buf.
func within(b, buf []byte) bool {
	at, start := uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(unsafe.Pointer(unsafe.SliceData(buf)))
	return cap(b) > 0 && at >= start && at-start < uintptr(cap(buf))
}

// Free gives back what Alloc returned, whole: it ignores a slice whose capacity is
// not that of a class, such as nil or one whose beginning was cut off. Nobody may
// hold another reference to the memory, so what Peek returned is not to be freed.
func Free(b []byte) {
	if class, size := classOf(cap(b)); size == cap(b) {
		if guarded {
			guard.free(b[:size])
			return
		}
		classes[class].Put(unsafe.SliceData(b))
	}
}
