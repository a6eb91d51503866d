package wire

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestAllocClasses(t *testing.T) {
	for class := minClass; class <= maxClass; class++ {
		size := 1 << class
		for n, want := range map[int]int{size/2 + 1: size, size - 1: size, size: size} {
			b := Alloc(n)
			if len(b) != n || cap(b) != want {
				t.Errorf("Alloc(%d): %d bytes of %d, want %d of %d", n, len(b), cap(b), n, want)
			}
			Free(b)
		}
	}
	for _, n := range []int{0, 1, 1<<minClass - 1, 1 << minClass} {
		if b := Alloc(n); len(b) != n || cap(b) != 1<<minClass {
			t.Errorf("Alloc(%d): %d bytes of %d", n, len(b), cap(b))
		}
	}
}

// TestLargeClasses: above 1 MiB there are four sizes to each doubling, each with a place
// of its own, which is found by the size again, and at most a fifth of one is waste.
func TestLargeClasses(t *testing.T) {
	places := map[int]int{}
	for n := 1<<maxClass - 1; n <= 1<<maxLarge; n += max(n/64, 1) - n/64%2 {
		class, size := classOf(n)
		if size < n || size > n+n/4+1 {
			t.Fatalf("%d bytes get %d", n, size)
		}
		if known, ok := places[class]; ok && known != size || class >= len(classes) {
			t.Fatalf("%d bytes: place %d has %d and %d", n, class, known, size)
		}
		places[class] = size
		if again, same := classOf(size); again != class || same != size {
			t.Fatalf("%d bytes: place %d of %d, and of its own size %d of %d", n, class, size, again, same)
		}
	}
	if len(places) != 1+largeSteps*(maxLarge-maxClass) {
		t.Errorf("%d sizes from 1 MiB to 1 GiB", len(places))
	}
	for log := maxClass; log < maxLarge; log++ {
		if _, size := classOf(1<<log + 1); size != 5<<log/4 {
			t.Errorf("a byte more than %d bytes gets %d, want %d", 1<<log, size, 5<<log/4)
		}
	}
	if _, size := classOf(1<<maxLarge + 1); size != 0 {
		t.Error("over the largest size there is one")
	}
}

// TestLargeMemoryIsGivenBack: what large frames have used is the garbage collector's when
// nobody uses it any more.
func TestLargeMemoryIsGivenBack(t *testing.T) {
	before := heap()
	for range 4 {
		frames := [][]byte{Alloc(5 << 20), Alloc(9 << 20), Alloc(20 << 20)}
		for _, b := range frames {
			Free(b)
		}
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("%d MiB are kept", (after-before)>>20)
	}
}

// What is not whole, or not from Alloc, is left to the garbage collector: the
// next Alloc must not hand it out with the wrong capacity.
func TestFreeForeign(t *testing.T) {
	whole := Alloc(1000)
	for _, b := range [][]byte{nil, {}, make([]byte, 100), make([]byte, 1000), whole[1:], whole[:10:10], make([]byte, 2<<maxClass), make([]byte, 64)} {
		Free(b)
	}
	for class := minClass; class <= maxClass; class++ {
		for range 4 {
			if b := Alloc(1 << class); len(b) != 1<<class || cap(b) != 1<<class {
				t.Fatalf("Alloc(%d): %d bytes of %d", 1<<class, len(b), cap(b))
			}
		}
	}
}

// However Free and Alloc interleave, memory has one owner at a time.
func TestAllocHasOneOwner(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for round := range 5 {
				for class := minClass; class <= maxClass; class++ {
					b := Alloc(1<<class - round)
					fill := byte(i<<5 | round)
					b[0] = fill
					for k := 1; k < len(b); k *= 2 {
						copy(b[k:], b[:k])
					}
					runtime.Gosched()
					if bytes.Count(b, []byte{fill}) != len(b) {
						t.Errorf("%d bytes have a second owner", len(b))
						return
					}
					Free(b)
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
}

// poison takes memory of every class, until stop is closed, and writes over it:
// a frame that was freed too early is spoilt, and the race detector sees it.
func poison(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		for class := minClass; class <= maxClass; class++ {
			b := Alloc(1 << class)
			for k := 0; k < len(b); k += 1<<class/64 + 1 {
				b[k] = 0xdd
			}
			Free(b)
		}
		runtime.Gosched()
	}
}

// Owned and copied frames of every class, and the frames that the reader frees,
// come whole while others use the memory that is free.
func TestPayloadReuse(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			a, b := pair(t, transport)
			small(t, a, b)
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() { poison(stop) })
			w := NewWriter(a, WriterConfig{MaxBytes: 3 << 20})
			w.InFlight.Store(2)
			wg.Go(func() { writeClasses(t, w) })
			err := readClasses(NewReader(NewWriter(b, WriterConfig{}).NewSource(), 2<<maxClass))
			close(stop)
			bounded.Wait(t, wg.Wait)
			if err != nil {
				t.Fatal(err)
			}
			checkIdle(t, w)
		})
	}
}

// classSizes are the borders of the classes, and a size that is not pooled.
func classSizes() (sizes []int) {
	for class := minClass; class <= maxClass+1; class++ {
		sizes = append(sizes, 1<<class)
		if class <= 14 {
			sizes = append(sizes, 1<<class-1, 1<<class+1)
		}
	}
	return sizes
}

// writeClasses writes a copied and an owned frame of each size.
func writeClasses(t *testing.T, w *Writer) {
	for i, size := range classSizes() {
		frame := appendFrame(nil, 1, uint32(2*i), size)
		write(t, w, frame)
		clear(frame)
		frame = own(appendFrame(frame[:0], 1, uint32(2*i+1), size))
		if _, err := w.WriteOwned(t.Context().Done(), frame); err != nil {
			t.Error(err)
			return
		}
	}
}

// readClasses reads them into memory from Alloc, and frees it.
func readClasses(r *Reader) error {
	for i := range uint32(2 * len(classSizes())) {
		r.BeginFrame()
		frame, err := allocFrame(r)
		if err != nil {
			return err
		}
		_, seq, err := checkFrame(frame)
		if err != nil || seq != i {
			return fmt.Errorf("frame %d, want %d: %w", seq, i, err)
		}
		Free(frame)
	}
	return nil
}
