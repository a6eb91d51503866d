package transport

// serverCalls finds the calls of a connection by their ids, for a client that cancels
// them, each in the same few steps, whatever ids the client chose. It is guarded by the
// mutex of its connection.
type serverCalls struct {
	calls map[uint32]*serverCall
	most  int // calls since the map was made
}

// keepCalls is for how many calls an idle connection keeps memory.
const keepCalls = 64

func (t *serverCalls) get(id uint32) *serverCall { return t.calls[id] }

// put enters a call whose id is not in the table.
func (t *serverCalls) put(call *serverCall) {
	if t.calls == nil {
		t.calls = make(map[uint32]*serverCall)
	}
	t.calls[call.id] = call
	t.most = max(t.most, len(t.calls))
}

func (t *serverCalls) remove(id uint32) {
	delete(t.calls, id)
	if len(t.calls) == 0 && t.most > keepCalls {
		*t = serverCalls{}
	}
}
