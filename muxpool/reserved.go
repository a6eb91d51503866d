package muxpool

import (
	"sync/atomic"
	"time"
)

// datagramLifetime is for how long at least an id waits for the answer of a datagram: then
// neither that nor the request can be in the network any more (RFC 9293, 3.4.1: a segment
// lives for two minutes at most). Twice that is the longest.
const datagramLifetime = 2 * time.Minute

// reservedIDs are ids whose callers left before their answers came, each with how many of
// those are to come. The zero value is empty.
type reservedIDs struct {
	young, old map[uint32]int64
	most       int          // how many there were since there were none
	turned     time.Time    // when young became old, if it ever did
	count      atomic.Int32 // len, for who chooses a conn and has no lock
}

func (r *reservedIDs) len() int { return len(r.young) + len(r.old) }

// clear forgets all of them, with the memory of the maps.
func (r *reservedIDs) clear() {
	r.young, r.old, r.most = nil, nil, 0
	r.count.Store(0)
}

// awaited returns how many answers to id are to come.
func (r *reservedIDs) awaited(id uint32) int64 {
	if n, ok := r.young[id]; ok {
		return n
	}
	return r.old[id]
}

// set reserves id for so many answers, or for none any more.
func (r *reservedIDs) set(id uint32, awaited int64) {
	defer func() { r.count.Store(int32(r.len())) }()
	delete(r.old, id)
	if awaited > 0 {
		if r.young == nil {
			r.young = make(map[uint32]int64)
		}
		r.young[id] = awaited
		r.most = max(r.most, r.len())
		return
	}
	if delete(r.young, id); r.len() == 0 && r.most > keptReserved { // a map keeps the memory of its largest size
		r.clear()
	}
}

// keptReserved is for how many reserved ids the memory is kept when none is left.
const keptReserved = 64

// expire returns those that have been reserved for the lifetime of a datagram, and forgets
// them. It is to be called now and then.
func (r *reservedIDs) expire(now time.Time) (expired map[uint32]int64) {
	if r.turned.IsZero() {
		r.turned = now
	}
	if now.Sub(r.turned) < datagramLifetime {
		return nil
	}
	expired = r.old
	r.old, r.young, r.turned = r.young, nil, now
	r.count.Store(int32(r.len()))
	return expired
}
