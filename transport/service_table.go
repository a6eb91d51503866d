package transport

// serverCalls finds the calls of a connection by their ids, for a client that cancels
// them. The calls themselves are the chains of this hash table, so it costs nothing
// but its buckets, which grow with the calls in flight. A client may use an id for
// several calls at once. It is guarded by the mutex of its connection.
type serverCalls struct {
	buckets []*serverCall // a power of two of them
	n       int
}

const (
	minBuckets  = 8
	keepBuckets = 64 // what an idle connection keeps at most
)

func (t *serverCalls) bucket(id uint32) **serverCall {
	return &t.buckets[id&uint32(len(t.buckets)-1)]
}

func (t *serverCalls) put(call *serverCall) {
	if t.n >= 2*len(t.buckets) {
		t.grow()
	}
	t.n++
	b := t.bucket(call.id)
	call.next, *b = *b, call
}

func (t *serverCalls) grow() {
	old := t.buckets
	t.buckets = make([]*serverCall, max(minBuckets, 2*len(old)))
	for _, call := range old {
		for call != nil {
			next := call.next
			b := t.bucket(call.id)
			call.next, *b = *b, call
			call = next
		}
	}
}

// remove takes out call, which is in the table.
func (t *serverCalls) remove(call *serverCall) {
	at := t.bucket(call.id)
	for *at != call {
		at = &(*at).next
	}
	*at, call.next = call.next, nil
	if t.n--; t.n == 0 && len(t.buckets) > keepBuckets {
		t.buckets = nil
	}
}

// contexts returns those of the calls with id. Unlike the calls, they are not used
// again, so they may be ended when the lock is not held any more.
func (t *serverCalls) contexts(id uint32) (all []*requestContext) {
	if t.n == 0 {
		return nil
	}
	for call := *t.bucket(id); call != nil; call = call.next {
		if call.id == id {
			all = append(all, call.requestContext)
		}
	}
	return all
}
