package transport

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestServerCalls compares the table with a map of lists.
func TestServerCalls(t *testing.T) {
	var table serverCalls
	want := make(map[uint32][]*serverCall)
	for range 20_000 {
		id := rand.Uint32N(200)
		if list := want[id]; len(list) == 0 || rand.IntN(3) == 0 {
			call := &serverCall{requestContext: new(requestContext), id: id}
			table.put(call)
			want[id] = append(list, call)
		} else {
			i := rand.IntN(len(list))
			table.remove(list[i])
			want[id] = slices.Delete(list, i, i+1)
		}
		id = rand.Uint32N(200)
		got := table.contexts(id)
		if len(got) != len(want[id]) {
			t.Fatalf("%d calls with id %d, want %d", len(got), id, len(want[id]))
		}
		for _, call := range want[id] {
			if !slices.Contains(got, call.requestContext) {
				t.Fatalf("a call with id %d is not found", id)
			}
		}
	}
	for _, list := range want {
		for _, call := range list {
			table.remove(call)
		}
	}
	if table.n != 0 || len(table.buckets) > keepBuckets {
		t.Errorf("%d calls and %d buckets are left", table.n, len(table.buckets))
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
