package transport

import (
	"math/rand/v2"
	"testing"
)

// TestServerCalls: calls are found by their ids while they are there, and a table that
// is empty keeps no memory of a burst.
func TestServerCalls(t *testing.T) {
	var table serverCalls
	want := make(map[uint32]*serverCall)
	for range 20_000 {
		id := rand.Uint32N(200)
		if want[id] == nil {
			want[id] = &serverCall{id: id}
			table.put(want[id])
		} else {
			table.remove(id)
			delete(want, id)
		}
		if id = rand.Uint32N(200); table.get(id) != want[id] {
			t.Fatalf("the wrong call with id %d", id)
		}
	}
	for id := range want {
		table.remove(id)
	}
	if table.calls != nil {
		t.Error("an empty table keeps the memory of many calls")
	}
}

// TestRunQueue: who takes a call while others wait is told to send a worker for them,
// once, until that worker has arrived.
func TestRunQueue(t *testing.T) {
	var q runQueue
	calls := make([]serverCall, 6)
	push := func(i int, send bool) {
		t.Helper()
		if got := q.push(&calls[i]); got != send {
			t.Fatalf("push %d: send %v", i, got)
		}
	}
	take := func(want *serverCall, send bool) {
		t.Helper()
		if call, got := q.take(); call != want || got != send {
			t.Fatalf("take: %p, send %v; want %p, %v", call, got, want, send)
		}
	}
	push(0, true)
	push(1, false)
	push(2, false)
	q.bound = false // it has arrived
	take(&calls[0], true)
	take(&calls[1], false) // the first is done, the other on its way
	push(3, false)
	q.bound = false
	take(&calls[2], true)
	take(&calls[3], false)
	take(nil, false)
	push(4, false) // the last that was sent has not arrived
	q.bound = false
	take(&calls[4], false)
	push(5, true) // nobody comes: those there are may be blocked
	q.bound = false
	take(&calls[5], false)
	take(nil, false)
	if q.first != nil || q.last != nil {
		t.Error("the queue keeps calls")
	}
}
