package muxpool

import (
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"testing"
	"time"
)

func testIDs(t *testing.T, parser FrameParser) *ids {
	t.Helper()
	space, err := idSpace(parser)
	if err != nil {
		t.Fatal(err)
	}
	ids := newIDs(space, 0)
	return &ids
}

func (t *ids) mustAllocate(tb testing.TB) uint32 {
	tb.Helper()
	id, ok := t.allocate()
	if !ok {
		tb.Fatalf("no free id: %d live, %d reserved, of %d", t.live.len(), t.reserved.len(), t.space.n)
	}
	t.enter(&call{id: id})
	return id
}

// reservingParser has all 32 bits, less some.
type reservingParser struct{ worldParser }

func (reservingParser) IDSpace() IDSpace {
	return IDSpace{Max: math.MaxUint32, Reserved: []IDRange{{math.MaxUint32, math.MaxUint32}, {0, 0}}}
}

func TestIDsWrapAroundAt32Bits(t *testing.T) {
	ids := testIDs(t, reservingParser{})
	if ids.small() || ids.space.n != 1<<32-2 {
		t.Fatalf("usable %d", ids.space.n)
	}
	ids.next = math.MaxUint32 - 2 // the last
	stuck := &call{id: 2, explicit: true}
	ids.enter(stuck)
	ids.reserved.set(3, 1)
	var got []uint32
	for range 5 {
		id := ids.mustAllocate(t)
		got = append(got, id)
		ids.leave(id, 0)
	}
	if want := []uint32{math.MaxUint32 - 1, 1, 4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v: without the reserved, the stuck and the awaited", got, want)
	}
	if ids.live.find(2) != stuck {
		t.Error("the stuck call has lost its id")
	}
}

// TestSmallSpaceReusesTheOldest: ids come round as late as they can, and a protocol's
// own ids never do.
func TestSmallSpaceReusesTheOldest(t *testing.T) {
	ids := testIDs(t, scarceParser{}) // 3 to 10 without 5
	var got []uint32
	for range 7 {
		got = append(got, ids.mustAllocate(t))
	}
	if want := []uint32{3, 4, 6, 7, 8, 9, 10}; !slices.Equal(got, want) || !ids.full() {
		t.Fatalf("ids %v, want %v", got, want)
	}
	if id, ok := ids.allocate(); ok {
		t.Fatalf("id %d is handed out twice", id)
	}
	ids.leave(8, 0)
	ids.leave(3, 2) // two answers are to come
	ids.leave(10, 0)
	if !ids.late(3, false) || !ids.late(3, true) || !ids.inUse(3) {
		t.Error("an id is free before its last answer")
	}
	if !ids.late(3, true) || ids.late(3, true) || ids.inUse(3) {
		t.Error("an id is not free after its last answer")
	}
	got = got[:0]
	for range 3 {
		got = append(got, ids.mustAllocate(t))
	}
	if want := []uint32{8, 10, 3}; !slices.Equal(got, want) {
		t.Errorf("ids %v come round, want %v", got, want)
	}
}

// TestExplicitIDsAmongAllocated: whoever chooses ids in a space from which the pool
// hands out others, no id is used twice, and none is lost.
func TestExplicitIDsAmongAllocated(t *testing.T) {
	ids := testIDs(t, scarceParser{})
	explicit := func(id uint32) {
		if ids.inUse(id) {
			t.Fatalf("id %d is in use", id)
		}
		ids.enter(&call{id: id, explicit: true})
	}
	explicit(4)
	if a, b := ids.mustAllocate(t), ids.mustAllocate(t); a != 3 || b != 6 {
		t.Fatalf("ids %d and %d around an explicit 4", a, b)
	}
	ids.leave(4, 0) // next has passed it
	explicit(9)
	ids.leave(9, 0) // next will come to it
	ids.leave(3, 0)
	explicit(3) // although it is listed
	for range 5 {
		ids.mustAllocate(t)
	}
	if _, ok := ids.allocate(); ok || ids.live.len() != 7 {
		t.Fatalf("%d of 7 ids are in use", ids.live.len())
	}
	for id := range maps.Collect(ids.live.all()) {
		ids.leave(id, 0)
	}
	for range 7 {
		ids.mustAllocate(t)
	}
}

func TestFreedIDsAreKeptOnce(t *testing.T) {
	ids := testIDs(t, spaceParser{0, 255})
	for range 256 {
		ids.leave(ids.mustAllocate(t), 0)
	}
	for range 10_000 {
		ids.enter(&call{id: 7, explicit: true}) // WithVID(7)
		ids.leave(7, 0)
	}
	if len(ids.freed) > 256 {
		t.Errorf("%d ids are free, of 256", len(ids.freed))
	}
}

func TestIDsOverfullAndStarving(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		parser   FrameParser
		most     int  // ids that may be reserved
		overfull bool // with one more
		starving bool // likewise
	}{
		{worldParser{}, maxReserved, true, false},
		{spaceParser{0, 1<<17 - 1}, 1 << 16, true, false},
		{spaceParser{0, 1<<16 - 1}, 1<<16 - 1, false, true}, // the largest small space
		{spaceParser{1, 4}, 3, false, true},
	} {
		ids := testIDs(t, test.parser)
		reserve := func() { ids.leave(ids.mustAllocate(t), 1) }
		for range test.most {
			reserve()
		}
		starving := func() bool {
			return ids.starving(start, ids.space.n) == start && ids.starving(start.Add(time.Second), ids.space.n) == start
		}
		if ids.overfull() || starving() {
			t.Errorf("%d of %d ids reserved: overfull %v, starving %v", test.most, ids.space.n, ids.overfull(), starving())
		}
		reserve()
		if ids.overfull() != test.overfull || starving() != test.starving {
			t.Errorf("%d of %d ids reserved: overfull %v, starving %v", test.most+1, ids.space.n, ids.overfull(), starving())
		}
	}
}

// TestStarving: no id is to be had, and most of those that may be in use at once are reserved. As soon as one of
// both is not so any more, it begins anew.
func TestStarving(t *testing.T) {
	now := time.Now()
	for _, row := range []struct {
		live, reserved int
		most           uint64
		starving       bool
	}{
		{0, 0, 4, false}, {1, 2, 4, false}, {2, 2, 4, false}, {1, 3, 4, true}, {0, 4, 4, true}, {0, 3, 4, false}, {4, 0, 4, false},
		{0, 2, 3, false}, {1, 2, 3, true}, {0, 3, 3, true}, {0, 2, 2, true}, {1, 1, 2, false}, {0, 1, 1, true}, {1, 0, 1, false},
	} {
		ids := testIDs(t, spaceParser{1, 4})
		var live []uint32
		for range row.live {
			live = append(live, ids.mustAllocate(t))
		}
		var reserved []uint32
		for range row.reserved {
			id := ids.mustAllocate(t)
			ids.leave(id, 1)
			reserved = append(reserved, id)
		}
		since := ids.starving(now, row.most)
		if since.IsZero() == row.starving {
			t.Errorf("%d live, %d reserved of %d: since %v, want %v", row.live, row.reserved, row.most, since, row.starving)
		}
		if !row.starving {
			continue
		}
		if later := ids.starving(now.Add(time.Second), row.most); !later.Equal(now) {
			t.Errorf("%d live, %d reserved of %d: a second later since %v", row.live, row.reserved, row.most, later.Sub(now))
		}
		if more := ids.starving(now, row.most+5); !more.IsZero() {
			t.Errorf("%d live, %d reserved of %d: starving since %v", row.live, row.reserved, row.most+5, more)
		}
		if again := ids.starving(now.Add(time.Minute), row.most); !again.Equal(now.Add(time.Minute)) {
			t.Errorf("%d live, %d reserved of %d: starving since %v again", row.live, row.reserved, row.most, again)
		}
		ids.late(reserved[0], true)
		if len(live) > 0 {
			ids.leave(live[0], 0)
		}
		if back := ids.starving(now, row.most); !back.IsZero() {
			t.Errorf("%d live, %d reserved of %d: an id is back, and starving since %v", row.live, row.reserved, row.most, back)
		}
	}
}

// TestManySmallIDs: of a space of more than a word of bits each id is free once, however often it comes round, and
// whoever has used it.
func TestManySmallIDs(t *testing.T) {
	const n = 200
	ids := testIDs(t, spaceParser{0, n - 1})
	for round := range 3 {
		seen := make(map[uint32]bool)
		for range n {
			id := ids.mustAllocate(t)
			if seen[id] {
				t.Fatalf("round %d: id %d is handed out twice", round, id)
			}
			seen[id] = true
		}
		for id := range uint32(n) {
			ids.leave(id, 0)
		}
		for id := range uint32(n) {
			for range 2 {
				ids.enter(&call{id: id, explicit: true})
				ids.leave(id, 0)
			}
		}
		if len(ids.freed) != n {
			t.Errorf("round %d: %d ids are free, of %d", round, len(ids.freed), n)
		}
	}
}

// TestExplicitIDThatIsNext: an id that is taken and left just before it would be handed out is free once, in its
// turn.
func TestExplicitIDThatIsNext(t *testing.T) {
	space, err := idSpace(scarceParser{})
	if err != nil {
		t.Fatal(err)
	}
	for start := range space.n {
		for before := range space.n {
			ids := newIDs(space, start)
			var order []uint32
			for range before {
				order = append(order, ids.mustAllocate(t))
			}
			explicit := space.at((start + before) % space.n)
			ids.enter(&call{id: explicit, explicit: true})
			ids.leave(explicit, 0)
			for range space.n - before {
				order = append(order, ids.mustAllocate(t))
			}
			if order[before] != explicit {
				t.Errorf("start %d: %v, want %d after %d of them", start, order, explicit, before)
			}
			for _, id := range order {
				ids.leave(id, 0)
			}
			if !slices.Equal(ids.freed, order) {
				t.Errorf("start %d, %d before: %v come round, want %v", start, before, ids.freed, order)
			}
		}
	}
}

// TestLargeSpaceComesRound: where all ids were handed out, the first is next, and those in use are passed over.
func TestLargeSpaceComesRound(t *testing.T) {
	ids := testIDs(t, spaceParser{1, math.MaxUint32})
	ids.next = math.MaxUint32 // they have been
	ids.enter(&call{id: 4, explicit: true})
	var got []uint32
	for range 4 {
		got = append(got, ids.mustAllocate(t))
	}
	if want := []uint32{1, 2, 3, 5}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
}

func TestIDSpaceErrors(t *testing.T) {
	for _, parser := range []FrameParser{spaceParser{5, 4}, rangesParser{{0, 7}, {5, math.MaxUint32}}, rangesParser{{2, 1}}, panicking{}} {
		if _, err := idSpace(parser); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%T: %v", parser, err)
		}
	}
	ids := testIDs(t, spaceParser{math.MaxUint32, math.MaxUint32})
	if id := ids.mustAllocate(t); id != math.MaxUint32 || !ids.full() {
		t.Errorf("the only id is %d", id)
	}
}

// rangesParser reserves ranges of all ids. (It is not comparable, so no pool takes it.)
type rangesParser []IDRange

func (rangesParser) Parse(r io.Reader) (uint32, []byte, error) { return worldParser{}.Parse(r) }

func (p rangesParser) IDSpace() IDSpace { return IDSpace{Max: math.MaxUint32, Reserved: p} }

type panicking struct{ worldParser }

func (panicking) IDSpace() IDSpace { panic("no ids") }

// TestIDsBeginAnywhere: wherever a conn begins, each id is handed out once before the
// first comes round, and explicit ids that are free again are not handed out twice.
func TestIDsBeginAnywhere(t *testing.T) {
	space, err := idSpace(scarceParser{})
	if err != nil {
		t.Fatal(err)
	}
	for start := range space.n {
		ids := newIDs(space, start)
		explicit := uint32(4 + 2*(start%2))
		ids.enter(&call{id: explicit, explicit: true})
		ids.leave(explicit, 0)
		seen := make(map[uint32]bool)
		var order []uint32
		for range space.n {
			id := ids.mustAllocate(t)
			if seen[id] || id < 3 || id > 10 || id == 5 {
				t.Fatalf("start %d: id %d after %v", start, id, order)
			}
			seen[id], order = true, append(order, id)
		}
		if first := space.at(start); order[0] != first {
			t.Errorf("start %d: the first id is %d", start, order[0])
		}
		if _, ok := ids.allocate(); ok {
			t.Errorf("start %d: more ids than there are", start)
		}
		for _, id := range order {
			ids.leave(id, 0)
		}
		for _, want := range order {
			if id := ids.mustAllocate(t); id != want {
				t.Fatalf("start %d: %d came round, want %d", start, id, want)
			}
		}
	}
	large := newIDs(IDSpace{Min: 10, Max: math.MaxUint32}.usable(), math.MaxUint32-10)
	if a, b := large.mustAllocate(t), large.mustAllocate(t); a != math.MaxUint32 || b != 10 {
		t.Errorf("ids %d and %d, want the last and the first", a, b)
	}
}

// TestIDsBeginAtRandom: who sees nothing of a connection cannot guess its ids.
func TestIDsBeginAtRandom(t *testing.T) {
	const conns = 8
	for _, network := range []string{"tcp", "udp"} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(conns)}, func(t *testing.T, w *world) {
			get := func() *muxConn {
				m, err := w.pool.GetMuxConn(t.Context(), network, "peer:1", w.opts)
				if err != nil {
					t.Fatal(err)
				}
				return m.(*muxConn)
			}
			get().Close()
			time.Sleep(time.Second)
			first := make(map[*conn]uint32)
			for range conns {
				m := get()
				defer m.Close()
				first[m.conn] = m.VID()
			}
			near := 0
			for _, id := range first {
				if id < 1<<20 { // chance: 2 to the power of -12 each
					near++
				}
			}
			if len(first) != conns || near > 2 {
				t.Errorf("%s: %d of %d connections begin below 2^20: %v", network, near, len(first), first)
			}
		})
	}
}
