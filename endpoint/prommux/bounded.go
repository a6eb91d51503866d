package prommux

import "sync"

// other is the label of all that get none of their own.
const other = "_other"

// bounded gives labels to the things that are there, to no more than max of them, and lets
// those go that are gone. Who has one keeps it, so that no series changes from one thing to
// another.
type bounded struct {
	max int

	mu   sync.Mutex // guards the rest
	have map[string]bool
}

// among gives those of names a label that get one, in their order: the result says what
// the label of each name is.
func (b *bounded) among(names []string) (of func(name string) string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := make(map[string]bool, len(names))
	for _, n := range names {
		there[n] = true
	}
	have := make(map[string]bool, min(b.max, len(there)))
	for n := range b.have {
		if there[n] {
			have[n] = true
		}
	}
	for _, n := range names {
		if len(have) >= b.max {
			break
		}
		have[n] = true
	}
	b.have = have
	return func(name string) string {
		if have[name] {
			return name
		}
		return other
	}
}
