package breaker

import (
	"slices"
	"testing"
)

// All that is queued is told, in order, and what comes while it is told; then deliver returns.
func TestDeliver(t *testing.T) {
	g := NewGroup()
	defer g.Close()
	q := &notices{group: g, running: true}
	var told []string
	tells := func(what string) notice {
		return notice{aside: true, call: func() {
			if told = append(told, what); what == "one" {
				q.put(notice{aside: true, call: func() { told = append(told, "three") }})
			}
		}}
	}
	q.queue = []notice{tells("one"), tells("two")}
	q.deliver()
	if want := []string{"one", "two", "three"}; !slices.Equal(told, want) || q.running {
		t.Errorf("told %v, want %v; running %v", told, want, q.running)
	}
}
