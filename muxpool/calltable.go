package muxpool

import "iter"

// callTable finds the live calls of a connection by their ids: a hash table with
// open addressing and linear probing. Three times in its life a call is looked up,
// so this is worth more than a map's generality: ids are spread by one
// multiplication, and a removal moves later entries back (Knuth, The Art of
// Computer Programming, vol. 3, 6.4, algorithm R), so no trace of it is left.
//
// The zero value is empty. It is guarded by the mutex of its conn.
type callTable struct {
	slots []callSlot // a power of two of them, at most three quarters in use; nil: none
	shift uint8      // 32 less the binary logarithm of len(slots)
	n     int
}

type callSlot struct {
	call *call // nil: not in use
	id   uint32
}

const (
	minCallTable = 8
	// keptCallTable is up to how many slots the table keeps while calls come and go. A
	// larger one shrinks with them: what looks at all calls goes through all slots.
	keptCallTable = 1 << 12
)

func (t *callTable) len() int { return t.n }

// home is the slot where the search for id begins.
func (t *callTable) home(id uint32) int { return int(id * 0x9e3779b1 >> t.shift) } // 2^32 over the golden ratio

// search returns the index of id's slot, or of the empty one where it would be. There
// must be slots.
func (t *callTable) search(id uint32) int {
	i := t.home(id)
	for t.slots[i].call != nil && t.slots[i].id != id {
		i = (i + 1) & (len(t.slots) - 1)
	}
	return i
}

// find returns the call with id, or nil.
func (t *callTable) find(id uint32) *call {
	if t.n == 0 {
		return nil
	}
	return t.slots[t.search(id)].call
}

// put enters cl, which is not nil, under id. It returns false if that was there: then
// nothing has changed.
func (t *callTable) put(id uint32, cl *call) bool {
	if t.n >= len(t.slots)*3/4 {
		t.resize(max(minCallTable, 2*len(t.slots)))
	}
	i := t.search(id)
	if t.slots[i].call != nil {
		return false
	}
	t.n++
	t.slots[i] = callSlot{cl, id}
	return true
}

// remove takes the call with id out. It returns false if there was none.
func (t *callTable) remove(id uint32) bool {
	if t.n == 0 {
		return false
	}
	hole := t.search(id)
	if t.slots[hole].call == nil {
		return false
	}
	t.n--
	mask := len(t.slots) - 1
	for i := (hole + 1) & mask; t.slots[i].call != nil; i = (i + 1) & mask {
		// What is in i may move into the hole unless its search begins behind it.
		if (i-t.home(t.slots[i].id))&mask >= (i-hole)&mask {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = callSlot{}
	if len(t.slots) > keptCallTable && t.n < len(t.slots)/8 {
		t.resize(len(t.slots) / 4)
	}
	return true
}

// all yields every id with its call. The table must not be changed meanwhile.
func (t *callTable) all() iter.Seq2[uint32, *call] {
	return func(yield func(uint32, *call) bool) {
		for _, s := range t.slots {
			if s.call != nil && !yield(s.id, s.call) {
				return
			}
		}
	}
}

// shrink gives back the memory of a table that is empty.
func (t *callTable) shrink() {
	if t.n == 0 {
		*t = callTable{}
	}
}

// resize moves everything into a table of size slots.
func (t *callTable) resize(size int) {
	old := t.slots
	t.slots, t.n = make([]callSlot, size), 0
	for t.shift = 32; size > 1; size /= 2 {
		t.shift--
	}
	for _, s := range old {
		if s.call != nil {
			t.put(s.id, s.call)
		}
	}
}
