package wire

import (
	"math/bits"
	"sync"
)

// The size classes of pooled memory: powers of two from 1<<minClass to
// 1<<maxClass bytes. Smaller requests share the smallest class; larger ones are
// not pooled, since one of them would pin more memory than it saves.
const (
	minClass = 7  // 128 B
	maxClass = 20 // 1 MiB
)

var (
	classes [maxClass - minClass + 1]sync.Pool // of *[]byte, each with cap exactly 1<<class
	headers sync.Pool                          // of empty *[]byte: putting a slice into a Pool allocates otherwise
)

// Alloc returns n bytes with unspecified content, from pooled memory where it
// can. Give them back with Free, or leave them to the garbage collector.
func Alloc(n int) []byte {
	class := bits.Len(uint(max(n, 1) - 1))
	if class > maxClass {
		return make([]byte, n)
	}
	class = max(class, minClass)
	if h, _ := classes[class-minClass].Get().(*[]byte); h != nil {
		b := (*h)[:n]
		*h = nil
		headers.Put(h)
		return b
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
	h, _ := headers.Get().(*[]byte)
	if h == nil {
		h = new([]byte)
	}
	*h = b[:0]
	classes[bits.Len(uint(c))-1-minClass].Put(h)
}
