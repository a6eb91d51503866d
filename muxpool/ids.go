package muxpool

import "time"

// smallSpace is the largest number of ids of which the free ones are kept in a list. Of
// more, the next id that is not in use is found by counting on.
const smallSpace = 1 << 16

// maxReserved is how many ids of a large space may wait for late answers before
// the connection is replaced: a peer that never answers must not cost memory
// without bound.
const maxReserved = 1 << 18

// ids owns the ids of one connection. Each is in one of three states: free;
// live, with the call that uses it; or reserved: its caller left before the
// answer came, and whoever got the id now would get that answer.
//
// It is guarded by the mutex of its conn.
type ids struct {
	space      idSet
	start      uint64   // number of the first to be handed out
	next       uint64   // how many after that the id to try next is; space.n: it has come round
	mayCollide bool     // next may meet ids in use: it has come round, or explicit ids were used
	freed      []uint32 // small: those to come round again, each once
	listed     []uint64 // small: a bit for each number, whether it is in freed
	live       callTable
	reserved   reservedIDs
	recent     recentIDs
	starved    time.Time // since when no id was to be had, and none has come back; zero: not so
}

// newIDs begins to hand out the ids of space at the one with number start. A conn's is
// drawn, so that who cannot see its requests cannot answer them by guessing.
func newIDs(space idSet, start uint64) ids { return ids{space: space, start: start} }

// turn is the number that is tried after i others.
func (t *ids) turn(i uint64) uint64 {
	if i += t.start; i >= t.space.n {
		i -= t.space.n
	}
	return i
}

// passed reports whether next has passed a number.
func (t *ids) passed(number uint64) bool {
	if number < t.start {
		number += t.space.n
	}
	return number-t.start < t.next
}

func (t *ids) small() bool { return t.space.n <= smallSpace }

// full reports whether every id is in use.
func (t *ids) full() bool { return uint64(t.live.len()+t.reserved.len()) >= t.space.n }

// overfull reports whether too many ids are reserved for a connection to go on. Half
// of a large space is too many, or the search for a free id takes too long.
func (t *ids) overfull() bool {
	return !t.small() && uint64(t.reserved.len()) > min(maxReserved, t.space.n/2)
}

// starving returns since when, of the ids that may be in use at once, none has been to be
// had, most have been reserved, and none has come back; zero: it is not so. Then what else
// the peer sends does not help those who wait for one. It is to be asked now and then.
func (t *ids) starving(now time.Time, most uint64) time.Time {
	reserved := uint64(t.reserved.len())
	switch {
	case uint64(t.live.len())+reserved < most || reserved <= most/2:
		t.starved = time.Time{}
	case t.starved.IsZero():
		t.starved = now
	}
	return t.starved
}

// inUse reports whether id is live or reserved.
func (t *ids) inUse(id uint32) bool { return t.live.find(id) != nil || t.reserved.awaited(id) > 0 }

// allocate returns a free id. Ids come round as late as the space allows, so
// that an answer that nobody asked for meets an id that nobody uses.
func (t *ids) allocate() (id uint32, ok bool) {
	if t.full() {
		return 0, false
	}
	for range t.space.n {
		switch {
		case t.next < t.space.n:
			id = t.space.at(t.turn(t.next))
			t.next++
		case !t.small():
			id = t.space.at(t.turn(0))
			t.next, t.mayCollide = 1, true
		case len(t.freed) > 0:
			id = t.freed[0]
			t.freed = t.freed[1:]
			t.mayCollide = true
			number, _ := t.space.number(id)
			t.list(number, false)
		default:
			return 0, false
		}
		if !t.mayCollide || !t.inUse(id) {
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
		t.reserved.set(id, awaited)
		return
	}
	t.recent.add(id)
	t.free(id)
}

// late takes note of an answer for an id that is not live, and reports whether
// one was awaited. last says that no more will come.
func (t *ids) late(id uint32, last bool) bool {
	awaited := t.reserved.awaited(id)
	if awaited > 0 && last {
		t.forgive(id)
	}
	return awaited > 0
}

// forgive ends the wait for one answer to a reserved id.
func (t *ids) forgive(id uint32) {
	awaited := t.reserved.awaited(id)
	if t.reserved.set(id, awaited-1); awaited == 1 {
		t.recent.add(id)
		t.free(id)
	}
}

// expire frees the ids whose answers, datagrams, cannot come any more, and reports whether
// there were any.
func (t *ids) expire(now time.Time) bool {
	expired := t.reserved.expire(now)
	if t.small() {
		for id := range expired {
			t.free(id)
		}
	}
	return len(expired) > 0
}

// free lists id, unless it is listed, or next will come to it: then it was an
// explicit one, which is in use without having been handed out.
func (t *ids) free(id uint32) {
	t.starved = time.Time{}
	if !t.small() {
		return
	}
	if number, ok := t.space.number(id); ok && t.passed(number) && t.list(number, true) {
		t.freed = append(t.freed, id)
	}
}

// list sets or clears the bit that tells whether an id is in freed, and reports whether
// that changed it.
func (t *ids) list(number uint64, on bool) (changed bool) {
	if t.listed == nil {
		t.listed = make([]uint64, (t.space.n+63)/64)
	}
	word, bit := &t.listed[number/64], uint64(1)<<(number%64)
	if changed = (*word&bit != 0) != on; changed {
		*word ^= bit
	}
	return changed
}

// clear forgets every id; none is handed out any more. What was set by newIDs stays,
// since it is read without the lock.
func (t *ids) clear() {
	t.live, t.freed, t.listed = callTable{}, nil, nil
	t.reserved.clear()
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
