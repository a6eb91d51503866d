package muxpool

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestReservedIDsTurn: what is young becomes old after a lifetime, and what is old expires
// after the next, once.
func TestReservedIDsTurn(t *testing.T) {
	var r reservedIDs
	begin := time.Now()
	at := func(lifetimes float64) []uint32 {
		var expired []uint32
		for id := range r.expire(begin.Add(time.Duration(lifetimes * float64(datagramLifetime)))) {
			expired = append(expired, id)
		}
		slices.Sort(expired)
		return expired
	}
	for _, step := range []struct {
		name    string
		at      float64 // in lifetimes
		set     map[uint32]int64
		expired []uint32
		awaited []int64 // of the ids 1 to 4
		count   int32
	}{
		{"the clock begins", 0, nil, nil, []int64{0, 0, 0, 0}, 0},
		{"two are young", 0.5, map[uint32]int64{1: 1, 2: 3}, nil, []int64{1, 3, 0, 0}, 2},
		{"a moment before the lifetime", 0.999, nil, nil, []int64{1, 3, 0, 0}, 2},
		{"they are old", 1, map[uint32]int64{3: 1}, nil, []int64{1, 3, 1, 0}, 3},
		{"an old one is answered in part, and young again", 1.5, map[uint32]int64{2: 2}, nil, []int64{1, 2, 1, 0}, 3},
		{"the old ones expire", 2, map[uint32]int64{4: 1}, []uint32{1}, []int64{0, 2, 1, 1}, 3},
		{"an old one is answered", 2.5, map[uint32]int64{3: 0}, nil, []int64{0, 2, 0, 1}, 2},
		{"the rest of them expire", 3, nil, []uint32{2}, []int64{0, 0, 0, 1}, 1},
		{"late", 9, nil, []uint32{4}, []int64{0, 0, 0, 0}, 0},
		{"nothing is left", 10, nil, nil, []int64{0, 0, 0, 0}, 0},
	} {
		if got := at(step.at); !slices.Equal(got, step.expired) {
			t.Errorf("%s: %d expire, want %d", step.name, got, step.expired)
		}
		for id, n := range step.set {
			r.set(id, n)
		}
		var awaited []int64
		for id := range uint32(4) {
			awaited = append(awaited, r.awaited(id+1))
		}
		if !slices.Equal(awaited, step.awaited) || r.len() != int(step.count) || r.count.Load() != step.count {
			t.Errorf("%s: answers %d of %d ids, %d for who has no lock; want %d of %d",
				step.name, awaited, r.len(), r.count.Load(), step.awaited, step.count)
		}
	}
}

// TestReservedIDsKeepSomeMemory: that of as many as are usual.
func TestReservedIDsKeepSomeMemory(t *testing.T) {
	for n, kept := range map[uint32]bool{1: true, keptReserved: true, keptReserved + 1: false} {
		var r reservedIDs
		for id := range n {
			r.set(id, 1)
		}
		for id := range n {
			r.set(id, 0)
		}
		if got := r.young != nil; got != kept || r.len() != 0 || r.count.Load() != 0 {
			t.Errorf("after %d ids the memory is kept: %v, %s", n, got, fmt.Sprint(r.young, r.old))
		}
		if n > keptReserved && r.most != 0 {
			t.Errorf("of memory that was given back %d ids are remembered", r.most)
		}
	}
}

// TestRecentIDs: the last 32 that were answered are known.
func TestRecentIDs(t *testing.T) {
	var r recentIDs
	if r.has(0) {
		t.Error("an id is recent before any was answered")
	}
	for id := range uint32(100) {
		r.add(id)
		for other := range uint32(100) {
			if want := other <= id && id-other < uint32(len(r.ring)); r.has(other) != want {
				t.Fatalf("after %d was answered, %d is recent: %v", id, other, !want)
			}
		}
	}
}
