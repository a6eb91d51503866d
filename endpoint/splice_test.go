package endpoint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
)

// Whatever comes and goes, the list is in order and holds those that are there, also of two
// with one text, of which one has come back before the other left.
func TestSpliceKeepsTheOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var list []*member
	for range 2000 {
		var gone, added []*member
		for _, m := range list {
			if r.IntN(4) == 0 {
				gone = append(gone, m)
				if r.IntN(4) == 0 { // back at once
					added = append(added, newMember(m.node))
				}
			}
		}
		for range r.IntN(4) {
			added = append(added, newMember(muxpool.Node{Network: "tcp", Address: fmt.Sprint(r.IntN(30), ":1")}))
		}
		slices.SortFunc(added, byText)
		before, want := slices.Clone(list), len(list)-len(gone)+len(added)
		next := splice(list, self, gone, added)
		if !slices.Equal(before, list) {
			t.Fatal("the old list was changed")
		}
		if len(next) != want || !slices.IsSortedFunc(next, byText) {
			t.Fatalf("%d, want %d, in order: %v", len(next), want, next)
		}
		for _, m := range gone {
			if _, ok := find(next, self, m); ok || slices.Contains(next, m) {
				t.Fatalf("%s is still there", m.text)
			}
		}
		for _, m := range added {
			if got, ok := find(next, self, m); !ok || got != m {
				t.Fatalf("%s is not there", m.text)
			}
		}
		list = next
	}
}

// Its cost beside one copy is that of the change: it looks at few of the others.
func TestSpliceLooksAtLittle(t *testing.T) {
	for _, n := range []int{100, 10_000} {
		var list []*member
		for i := range n {
			list = append(list, newMember(muxpool.Node{Network: "tcp", Address: fmt.Sprintf("n%05d:1", i)}))
		}
		looks := 0
		of := func(m *member) *member { looks++; return m }
		splice(list, of, []*member{list[n/3]}, []*member{newMember(list[n/2].node)})
		if looks > 60 {
			t.Errorf("%d looks at %d nodes", looks, n)
		}
	}
}
