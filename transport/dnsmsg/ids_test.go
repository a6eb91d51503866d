package dnsmsg

import "testing"

// What travels is another id each time, comes back as the pool's, and does not tell the next.
func TestIDsArePermuted(t *testing.T) {
	for range 2 {
		s, seen, steps := newScramble(), make(map[uint16]bool), make(map[uint16]int)
		for i := range 1 << 16 {
			id := s.hide(uint16(i))
			if s.show(id) != uint16(i) || seen[id] {
				t.Fatalf("%d travels as %d, which is %d; seen before: %v", i, id, s.show(id), seen[id])
			}
			seen[id] = true
			steps[id-s.hide(uint16(i-1))]++
		}
		for step, n := range steps { // of a random permutation: 1 each on average, over 100 never
			if n > 1<<10 {
				t.Errorf("the next id is %d further %d times of %d", step, n, 1<<16)
			}
		}
	}
}

// Processes, and so their ids, are not alike.
func TestIDsDifferByProcess(t *testing.T) {
	if one, other := newScramble(), newScramble(); *one == *other {
		t.Error("two permutations are the same")
	}
}
