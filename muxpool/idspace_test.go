package muxpool

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestIDSet compares the ids that may be used with a look at each, where there are few.
func TestIDSet(t *testing.T) {
	for _, space := range []IDSpace{
		{Max: 20},
		{Min: 5, Max: 5},
		{Min: 3, Max: 10, Reserved: []IDRange{{5, 5}}},
		{Min: 3, Max: 20, Reserved: []IDRange{{9, 12}, {4, 5}, {10, 14}, {6, 6}}},                 // overlapping, adjacent, in any order
		{Min: 3, Max: 20, Reserved: []IDRange{{0, 3}, {18, math.MaxUint32}}},                      // beyond both ends
		{Min: 3, Max: 20, Reserved: []IDRange{{0, 2}, {21, 99}}},                                  // outside
		{Min: 3, Max: 20, Reserved: []IDRange{{8, 8}, {8, 8}, {4, 15}, {5, 6}}},                   // one in another
		{Min: math.MaxUint32 - 9, Max: math.MaxUint32, Reserved: []IDRange{{1 << 31, 1<<32 - 5}}}, // at the end of all
	} {
		set := space.usable()
		var want []uint32
		for id := uint64(space.Min); id <= uint64(space.Max); id++ {
			reserved := false
			for _, r := range space.Reserved {
				reserved = reserved || uint64(r.First) <= id && id <= uint64(r.Last)
			}
			number, ok := set.number(uint32(id))
			if ok == reserved || ok && number != uint64(len(want)) {
				t.Errorf("%+v: id %d has number %d, %v", space, id, number, ok)
			}
			if !reserved {
				want = append(want, uint32(id))
			}
		}
		if set.n != uint64(len(want)) {
			t.Fatalf("%+v: %d ids, want %d", space, set.n, len(want))
		}
		for i, id := range want {
			if got := set.at(uint64(i)); got != id {
				t.Errorf("%+v: number %d is %d, want %d", space, i, got, id)
			}
		}
	}
}

// TestWideRanges: reserved ranges are counted exactly, and passed in one step, however wide
// they are.
func TestWideRanges(t *testing.T) {
	for _, test := range []struct {
		reserved    []IDRange
		n           uint64
		first, last uint32
		text        string
	}{
		{[]IDRange{{0, 1 << 25}}, 1<<32 - 1<<25 - 1, 1<<25 + 1, math.MaxUint32, "33554433 to 4294967295"},
		{[]IDRange{{10, math.MaxUint32}}, 10, 0, 9, "0 to 9"},
		{[]IDRange{{0, math.MaxUint32 - 1}}, 1, math.MaxUint32, math.MaxUint32, "4294967295 to 4294967295"},
		{[]IDRange{{1 << 8, 1 << 16}, {1 << 20, 1 << 30}}, 1<<32 - (1<<16 - 1<<8 + 1) - (1<<30 - 1<<20 + 1), 0, math.MaxUint32,
			"0 to 255, 65537 to 1048575, 1073741825 to 4294967295"},
	} {
		ids := testIDs(t, rangesParser(test.reserved))
		if ids.space.n != test.n || ids.space.String() != test.text {
			t.Errorf("%v: %d ids, %v, want %d, %v", test.reserved, ids.space.n, ids.space, test.n, test.text)
		}
		if first, last := ids.space.at(0), ids.space.at(test.n-1); first != test.first || last != test.last {
			t.Errorf("%v: from %d to %d", test.reserved, first, last)
		}
		if id := ids.mustAllocate(t); id != test.first {
			t.Errorf("%v: the first id is %d, want %d", test.reserved, id, test.first)
		}
		if n := bounded.Allocs(10, func() { ids.space.at(test.n / 2) }); n != 0 {
			t.Errorf("%v: %v allocations to find an id", test.reserved, n)
		}
	}
}

// wideParser reserves all but ten of 2^32 ids.
type wideParser struct{ worldParser }

func (wideParser) IDSpace() IDSpace {
	return IDSpace{Max: math.MaxUint32, Reserved: []IDRange{{0, 1 << 31}, {1<<31 + 11, math.MaxUint32}}}
}

// TestTenOfAllIDs: the calls of a protocol with ten ids somewhere have those, the next
// waits for one, and none gets another by asking for it.
func TestTenOfAllIDs(t *testing.T) {
	withWorld(t, wideParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		seen := make(map[uint32]bool)
		for range 10 {
			m := w.mustGet(t.Context())
			defer m.Close()
			if seen[m.VID()] || m.VID() <= 1<<31 || m.VID() > 1<<31+10 {
				t.Errorf("id %d", m.VID())
			}
			seen[m.VID()] = true
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 100*time.Millisecond {
			t.Errorf("the eleventh: %v, after %v", err, time.Since(begin))
		}
		opts := w.opts
		opts.WithVID(7)
		if _, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "WithVID(7)") {
			t.Errorf("a reserved id: %v", err)
		}
	})
}
