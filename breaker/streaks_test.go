package breaker

import "testing"

// ends is what became of the calls 1, 2, 3...: F failed, n neutral, S succeeded, a
// dot is under way. The order of their ends is told beside.
func TestStreaksFollowTheOrderOfStart(t *testing.T) {
	for _, c := range []struct {
		name  string
		ends  string
		order []int
		want  int // in a row at the last end
	}{
		{"in order", "FFF", []int{1, 2, 3}, 3},
		{"backwards", "FFF", []int{3, 2, 1}, 3},
		{"the middle joins both sides", "FFFFF", []int{1, 2, 5, 4, 3}, 5},
		{"a success parts", "FFSFF", []int{1, 2, 3, 4, 5}, 2},
		{"one under way parts", "FF.FF", []int{1, 2, 4, 5}, 2},
		{"until it fails", "FFFFF", []int{1, 2, 4, 5, 3}, 5},
		{"neutral neither counts nor parts", "FnFnnF", []int{1, 2, 3, 4, 5, 6}, 3},
		{"whenever it ends", "FnF", []int{1, 3, 2}, 2},
		{"neutral alone is none", "nnn", []int{1, 2, 3}, 0},
	} {
		var s streaks
		row := 0
		for _, n := range c.order {
			if end := c.ends[n-1]; end == 'F' || end == 'n' {
				row = s.add(uint64(n), end == 'F')
			}
		}
		if row != c.want {
			t.Errorf("%s: %d in a row, want %d", c.name, row, c.want)
		}
	}
}

func TestStreaksAreBounded(t *testing.T) {
	var s streaks
	for n := range uint64(10_000) {
		s.add(2*n+1, true) // with a success between any two
	}
	if len(s) != maxStreaks {
		t.Errorf("%d streaks are kept, want %d", len(s), maxStreaks)
	}
	if row := s.add(20_000, true); row != 2 {
		t.Errorf("%d in a row, want the newest two", row)
	}
}

// FuzzStreaks compares with a list of all calls.
func FuzzStreaks(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5})
	f.Add([]byte{10, 8, 9, 130, 131})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var s streaks
		var end [64]byte
		for _, b := range steps {
			n := int(b & 63)
			if end[n] != 0 {
				continue
			}
			end[n] = 'n'
			if b&64 == 0 {
				end[n] = 'F'
			}
			want := 0
			for i := n; i >= 0 && end[i] != 0; i-- {
				if end[i] == 'F' {
					want++
				}
			}
			for i := n + 1; i < len(end) && end[i] != 0; i++ {
				if end[i] == 'F' {
					want++
				}
			}
			if got := s.add(uint64(n), end[n] == 'F'); got != want {
				t.Fatalf("call %d: %d in a row, want %d", n, got, want)
			}
		}
	})
}
