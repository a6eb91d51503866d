package endpoint

import (
	"cmp"
	"slices"
)

// Lists of nodes are in the order of their text, which is stored: the same instances make
// the same order, in whichever order discovery names them, so that round robin is the same
// in every process and after every event.

// splice returns a copy of list without the elements of the members in gone, and with added.
// All three are in order. It looks for the place of each change, and copies the rest: the
// cost beside the copy is that of the change.
func splice[T any](list []T, of func(T) *member, gone []*member, added []T) []T {
	to := make([]T, 0, max(0, len(list)+len(added)-len(gone)))
	for len(gone)+len(added) > 0 {
		out := len(added) == 0 || len(gone) > 0 && gone[0].text <= of(added[0]).text
		var text string
		if out {
			text = gone[0].text
		} else {
			text = of(added[0]).text
		}
		i, _ := slices.BinarySearchFunc(list, text, func(e T, text string) int { return cmp.Compare(of(e).text, text) })
		to = append(to, list[:i]...)
		list = list[i:]
		if !out {
			to = append(to, added[0])
			added = added[1:]
			continue
		}
		if j := indexOf(list, of, gone[0]); j >= 0 {
			to = append(to, list[:j]...)
			list = list[j+1:]
		}
		gone = gone[1:]
	}
	return append(to, list...)
}

// indexOf looks for m among those at the front of list that have its text, of which there is
// more than one while a node that came back is there beside the one that leaves.
func indexOf[T any](list []T, of func(T) *member, m *member) int {
	for i, e := range list {
		switch {
		case of(e) == m:
			return i
		case of(e).text != m.text:
			return -1
		}
	}
	return -1
}

// find returns the element of m in list, which is in order.
func find[T any](list []T, of func(T) *member, m *member) (e T, ok bool) {
	i, _ := slices.BinarySearchFunc(list, m.text, func(e T, text string) int { return cmp.Compare(of(e).text, text) })
	if j := indexOf(list[i:], of, m); j >= 0 {
		return list[i+j], true
	}
	return e, false
}

func self(m *member) *member { return m }

func (e *NodeEndpoint) itsMember() *member { return e.member }

func byText(a, b *member) int { return cmp.Compare(a.text, b.text) }
