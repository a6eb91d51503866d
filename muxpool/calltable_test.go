package muxpool

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestCallTable compares the table with a map, through random work on ids that are
// dense, sparse, or all share a beginning of the search.
func TestCallTable(t *testing.T) {
	for name, id := range map[string]func(n uint32) uint32{
		"dense":    func(n uint32) uint32 { return n },
		"wrapping": func(n uint32) uint32 { return math.MaxUint32 - 100 + n },
		"sparse":   func(n uint32) uint32 { return n << 20 },
		"colliding": func(n uint32) uint32 {
			return n * 0x0e8b2f51 // the inverse of the multiplier: homes are 0 but for large n
		},
	} {
		t.Run(name, func(t *testing.T) {
			var table callTable
			want := make(map[uint32]*call)
			for range 20_000 {
				id := id(rand.Uint32N(300))
				switch rand.IntN(3) {
				case 0:
					cl := &call{id: id}
					if added := table.put(id, cl); added != (want[id] == nil) {
						t.Fatalf("put(%d): %v", id, added)
					} else if added {
						want[id] = cl
					}
				case 1:
					if removed := table.remove(id); removed != (want[id] != nil) {
						t.Fatalf("remove(%d): %v", id, removed)
					}
					delete(want, id)
				default:
					if got := table.find(id); got != want[id] {
						t.Fatalf("find(%d): %v, want %v", id, got, want[id])
					}
				}
				if table.len() != len(want) {
					t.Fatalf("len %d, want %d", table.len(), len(want))
				}
			}
			if got := maps.Collect(table.all()); !maps.Equal(got, want) {
				t.Fatalf("%d entries, want %d", len(got), len(want))
			}
			for id := range want {
				if table.shrink(); table.find(id) != want[id] {
					t.Fatalf("%d is gone, with the memory of the table", id)
				}
				table.remove(id)
			}
			if table.remove(id(0)) {
				t.Fatal("an empty table has lost something")
			}
			if table.shrink(); table.len() != 0 || table.slots != nil {
				t.Fatalf("%d entries, %d slots left", table.len(), len(table.slots))
			}
		})
	}
}

// TestCallTableIsThreeQuartersFull at most, and a large one at least an eighth.
func TestCallTableIsThreeQuartersFull(t *testing.T) {
	var table callTable
	cl := new(call)
	slots := func(calls, want int) {
		t.Helper()
		for id := uint32(table.len()); int(id) < calls; id++ {
			table.put(id, cl)
		}
		for id := uint32(table.len()); int(id) > calls; id-- {
			table.remove(id - 1)
		}
		if len(table.slots) != want {
			t.Errorf("%d calls are in %d slots, want %d", calls, len(table.slots), want)
		}
	}
	slots(1, minCallTable)
	slots(6, minCallTable)
	slots(7, 2*minCallTable)
	slots(3*keptCallTable/4, keptCallTable)
	slots(3*keptCallTable/4+1, 2*keptCallTable)
	slots(keptCallTable/4, 2*keptCallTable)
	slots(keptCallTable/4-1, keptCallTable/2)
	slots(0, keptCallTable/2)
}

func TestCallTableYieldsUntilItIsTold(t *testing.T) {
	var table callTable
	for id := range uint32(10) {
		table.put(id, new(call))
	}
	n := 0
	for range table.all() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Fatal(n)
	}
}

// BenchmarkCallTable has beside it what a map would cost: calls come and go, and each is looked
// up once.
func BenchmarkCallTable(b *testing.B) {
	cl := new(call)
	for _, window := range []uint32{1, 16, 256, 4096} {
		b.Run(fmt.Sprintf("table/%d", window), func(b *testing.B) {
			var table callTable
			id := uint32(0)
			for ; id < window; id++ {
				table.put(id, cl)
			}
			for b.Loop() {
				table.put(id, cl)
				if table.find(id) == nil {
					b.Fatal("lost")
				}
				table.remove(id - window)
				id++
			}
		})
		b.Run(fmt.Sprintf("map/%d", window), func(b *testing.B) {
			table := make(map[uint32]*call)
			id := uint32(0)
			for ; id < window; id++ {
				table[id] = cl
			}
			for b.Loop() {
				table[id] = cl
				if table[id] == nil {
					b.Fatal("lost")
				}
				delete(table, id-window)
				id++
			}
		})
	}
}

// TestCallIsFourLines: each phase of a call touches all of it, and with thousands of them
// that is what costs (decision 0037).
func TestCallIsFourLines(t *testing.T) {
	if size := unsafe.Sizeof(call{}); unsafe.Sizeof(uintptr(0)) == 8 && size > 256 {
		t.Errorf("a call is %d bytes", size)
	}
}
