package muxpool

import (
	"fmt"
	"math"
)

// smallSpace is the largest id space whose free ids are kept in a list. In a
// larger one the next id that is not in use is found by counting on.
const smallSpace = 1 << 16

// maxReserved is how many ids of a large space may wait for late answers before
// the connection is replaced: a peer that never answers must not cost memory
// without bound.
const maxReserved = 1 << 18

// ids is the id space of one connection. Each id is in one of three states: free;
// live, with the call that uses it; or reserved: its caller left before the
// answer came, and whoever got the id now would get that answer.
//
// It is guarded by the mutex of its conn.
type ids struct {
	space      IDSpace
	size       uint64   // ids in space, reserved ones included
	usable     uint64   // without them; exact only for a small space
	start      uint64   // how far from the first id of space the first to be handed out is
	next       uint64   // how far from that the id to try next is; size: it has come round
	mayCollide bool     // next may meet ids in use: it has come round, or explicit ids were used
	freed      []uint32 // small: those to come round again, each once
	listed     []uint64 // small: a bit for each id in freed
	live       callTable
	reserved   map[uint32]int64 // value: answers still to come
	recent     recentIDs
}

// idSpace asks the parser for its id space, and counts the ids that may be used.
func idSpace(fp FrameParser) (space IDSpace, usable uint64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: IDSpace of %T panicked: %v", ErrInvalidOption, fp, p)
		}
	}()
	s, ok := fp.(IDSpacer)
	if !ok {
		return IDSpace{Max: math.MaxUint32}, 1 << 32, nil
	}
	space = s.IDSpace()
	if space.Max < space.Min {
		return space, 0, fmt.Errorf("%w: IDSpace of %T: Max %d is less than Min %d", ErrInvalidOption, fp, space.Max, space.Min)
	}
	usable = uint64(space.Max) - uint64(space.Min) + 1
	space.Reserved = tame(space.Reserved)
	if space.Reserved != nil && usable <= smallSpace {
		for id := uint64(space.Min); id <= uint64(space.Max); id++ {
			if space.Reserved(uint32(id)) {
				usable--
			}
		}
	}
	if usable == 0 {
		return space, 0, fmt.Errorf("%w: IDSpace of %T: every id is reserved", ErrInvalidOption, fp)
	}
	return space, usable, nil
}

// tame keeps a panic of Reserved, which is called with locks held, from ending the
// process: an id that it panics at counts as reserved.
func tame(reserved func(uint32) bool) func(uint32) bool {
	if reserved == nil {
		return nil
	}
	return func(vid uint32) (is bool) {
		defer func() {
			if recover() != nil {
				is = true
			}
		}()
		return reserved(vid)
	}
}

// newIDs begins to hand out ids at start, less than the size of space. A conn's is drawn,
// so that who cannot see its requests cannot answer them by guessing.
func newIDs(space IDSpace, usable, start uint64) ids {
	return ids{space: space, usable: usable, start: start, size: space.size()}
}

// size is how many ids there are, reserved ones included.
func (s IDSpace) size() uint64 { return uint64(s.Max) - uint64(s.Min) + 1 }

// at is the id that is handed out after i others.
func (t *ids) at(i uint64) uint32 {
	if i += t.start; i >= t.size {
		i -= t.size
	}
	return uint32(uint64(t.space.Min) + i)
}

// place is the inverse of at.
func (t *ids) place(id uint32) uint64 {
	i := uint64(id) - uint64(t.space.Min)
	if i < t.start {
		i += t.size
	}
	return i - t.start
}

func (t *ids) small() bool { return t.size <= smallSpace }

// full reports whether every id is in use.
func (t *ids) full() bool { return uint64(t.live.len()+len(t.reserved)) >= t.usable }

// overfull reports whether too many ids are reserved for a connection to go on. Half
// of a large space is too many, or the search for a free id takes too long.
func (t *ids) overfull() bool {
	return !t.small() && uint64(len(t.reserved)) > min(maxReserved, t.usable/2)
}

// exhausted reports whether every id waits for an answer whose caller has left.
func (t *ids) exhausted() bool { return t.live.len() == 0 && uint64(len(t.reserved)) >= t.usable }

// inUse reports whether id is live or reserved.
func (t *ids) inUse(id uint32) bool {
	if t.live.find(id) != nil {
		return true
	}
	if len(t.reserved) == 0 {
		return false
	}
	_, ok := t.reserved[id]
	return ok
}

// allocate returns a free id. Ids come round as late as the space allows, so
// that a stray answer meets an id that nobody uses.
func (t *ids) allocate() (id uint32, ok bool) {
	if t.full() {
		return 0, false
	}
	for range t.size {
		switch {
		case t.next < t.size:
			id = t.at(t.next)
			t.next++
		case !t.small():
			id = t.at(0)
			t.next, t.mayCollide = 1, true
		case len(t.freed) > 0:
			id = t.freed[0]
			t.freed = t.freed[1:]
			t.mayCollide = true
			t.list(id, false)
		default:
			return 0, false
		}
		if !(t.mayCollide && t.inUse(id)) && (t.space.Reserved == nil || !t.space.Reserved(id)) {
			return id, true
		}
	}
	return 0, false
}

// enter makes cl's id live, which allocate has returned or which is not in use.
func (t *ids) enter(cl *call) {
	t.mayCollide = t.mayCollide || cl.explicit
	if !t.live.put(cl.id, cl) {
		panic(bugf("id %d goes to a call, and is another's", cl.id))
	}
}

// leave ends the use of a live id: it is free, or, if answers are still to come,
// reserved.
func (t *ids) leave(id uint32, awaited int64) {
	if !t.live.remove(id) {
		panic(bugf("id %d is left, and was not live", id))
	}
	if awaited > 0 {
		t.reserve(id, awaited)
		return
	}
	t.recent.add(id)
	t.free(id)
}

// reserve keeps a free id from use until so many answers to it have come.
func (t *ids) reserve(id uint32, awaited int64) {
	if t.reserved == nil {
		t.reserved = make(map[uint32]int64)
	}
	t.reserved[id] = awaited
}

// late takes note of an answer for an id that is not live, and reports whether
// one was awaited. last says that no more will come.
func (t *ids) late(id uint32, last bool) bool {
	awaited, ok := t.reserved[id]
	if !ok {
		return false
	}
	if last {
		t.forgive(id, awaited)
	}
	return true
}

// forgive ends the wait for one answer to a reserved id.
func (t *ids) forgive(id uint32, awaited int64) {
	if awaited > 1 {
		t.reserved[id] = awaited - 1
		return
	}
	delete(t.reserved, id)
	t.recent.add(id)
	t.free(id)
}

// free lists id, unless it is listed, or next will come to it: then it was an
// explicit one, which is in use without having been handed out.
func (t *ids) free(id uint32) {
	if t.small() && t.place(id) < t.next && t.list(id, true) {
		t.freed = append(t.freed, id)
	}
}

// list sets or clears the bit that tells whether id is in freed, and reports whether
// that changed it.
func (t *ids) list(id uint32, on bool) (changed bool) {
	if t.listed == nil {
		t.listed = make([]uint64, (t.size+63)/64)
	}
	i := id - t.space.Min
	word, bit := &t.listed[i/64], uint64(1)<<(i%64)
	if changed = (*word&bit != 0) != on; changed {
		*word ^= bit
	}
	return changed
}

// clear forgets every id; none is handed out any more. What was set by newIDs stays,
// since it is read without the lock.
func (t *ids) clear() {
	t.live, t.reserved, t.freed, t.listed = callTable{}, nil, nil, nil
}

// recentIDs remembers the ids that were answered last, to tell a duplicate
// answer from one that nobody asked for.
type recentIDs struct {
	ring [32]uint32
	n    uint64
}

func (r *recentIDs) add(id uint32) {
	r.ring[r.n%uint64(len(r.ring))] = id
	r.n++
}

func (r *recentIDs) has(id uint32) bool {
	for i := range min(r.n, uint64(len(r.ring))) {
		if r.ring[i] == id {
			return true
		}
	}
	return false
}
