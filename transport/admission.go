package transport

import (
	"fmt"
	"sync/atomic"
)

// admission is the door of a Service. It owns the counts of what calls take: how many
// are in flight, which of them have a worker under ServiceWorkers, and their bytes.
// Every connection, and every datagram socket, has an account with it. What goes in
// through enter, count or Hold comes out through leave, count or Release with the same
// number: what is refused is counted until it has been answered.
type admission struct {
	limits ServiceLimits

	calls   atomic.Int64 // in flight
	bytes   atomic.Int64 // of all accounts
	holders atomic.Int64 // accounts with bytes
	refused [refusals]atomic.Uint64
	line    line
	queue   overload
	// unpackers has a place for each processor: who unpacks a body has one.
	unpackers chan struct{}
}

// account is what one connection has taken.
type account struct {
	door     *admission
	peer     *peer        // nil: nothing bounds it; set before the account is used
	maxCalls int64        // 0: those of the Service are the bound
	members  atomic.Int64 // calls that are not done, and one for the owner
	calls    atomic.Int64 // in flight: not answered
	bytes    atomic.Int64
	waiting  waiting // guarded by the line's mutex
	// unpacking has one place, for the call that unpacks its body, or waits for one of the
	// door's places: so connections take turns there.
	unpacking chan struct{}
}

// refusal says why something was not let in.
type refusal uint8

const (
	admitted refusal = iota
	tooManyOnConn
	tooManyInAll
	tooManyWaiting
	connBytes
	allBytes
	frameTooLarge
	metadataTooLarge
	unknownMethod
	waitedTooLong
	tooManyOfPeer
	peerBytes
	tooManyConnsOfPeer
	tooManyConns
	goingAway
	refusals // how many there are
)

// callBytes is what a call counts for beside its frame: its own memory and its
// goroutine's.
const callBytes = 4 << 10

// ownBytes is what every connection may have beside the budget, unless that is small: one
// call of a few KiB. It costs about as much anyway.
const ownBytes = 2 * callBytes

func (a *account) open(door *admission, maxCalls int) {
	a.door, a.maxCalls = door, int64(maxCalls)
	a.unpacking = make(chan struct{}, 1)
	a.members.Store(1)
}

// enter lets a call in that takes n bytes. It is counted also if it is refused.
func (a *account) enter(n int64) refusal {
	a.members.Add(1)
	own, all := a.calls.Add(1), a.door.calls.Add(1)
	mine, total := a.count(n)
	of := int64(0)
	if a.peer != nil {
		of = a.peer.calls.Add(1)
	}
	switch l := &a.door.limits; {
	case a.maxCalls > 0 && own > a.maxCalls:
		return tooManyOnConn
	case l.MaxInFlightPerPeer > 0 && of > int64(l.MaxInFlightPerPeer):
		return tooManyOfPeer
	case !a.door.hasRoom(own-1, all-1):
		return tooManyInAll
	default:
		return a.admitBytes(mine, total)
	}
}

// hasRoom is the rule for calls in flight in all: an account has mine of those that are
// taken. One that is alone may have all of them, others share the places.
func (d *admission) hasRoom(mine, taken int64) bool {
	most, holders := d.limits.MaxInFlight, d.holders.Load()
	if holders <= 1 {
		return taken < int64(most)
	}
	return hasPlace(int(mine), int(taken), most, int(holders))
}

// admitBytes says whether the account may have mine bytes of total, which are counted.
func (a *account) admitBytes(mine, total int64) refusal {
	l := &a.door.limits
	if a.peer != nil && l.MaxBytesPerPeer > 0 && a.peer.bytes.Load() > int64(l.MaxBytesPerPeer) {
		return peerBytes
	}
	return l.admitBytes(mine, total, a.door.holders.Load())
}

// answered counts a call out of those in flight. It comes before the client can have
// the answer, and may call again.
func (a *account) answered() {
	a.calls.Add(-1)
	a.door.calls.Add(-1)
	if a.peer != nil {
		a.peer.calls.Add(-1)
	}
}

// leave counts out a call that was answered and is done, with the n bytes that it took.
// It reports whether that was the last, and the owner has left.
func (a *account) leave(n int64) (last bool) {
	a.count(-n)
	return a.part()
}

// part counts the owner out; it reports whether no call is left either.
func (a *account) part() (last bool) { return a.members.Add(-1) == 0 }

// count changes the bytes by n, whatever the limits, and returns the account's and
// those of all.
func (a *account) count(n int64) (mine, all int64) {
	mine, all = a.bytes.Add(n), a.door.bytes.Add(n)
	if a.peer != nil {
		a.peer.bytes.Add(n)
	}
	switch {
	case n > 0 && mine == n:
		a.door.holders.Add(1)
	case n < 0 && mine == 0:
		a.door.holders.Add(-1)
	}
	return mine, all
}

// Hold implements wire.Budget: n more bytes, if they are allowed.
func (a *account) Hold(n int) error {
	mine, all := a.count(int64(n))
	if r := a.admitBytes(mine, all); r != admitted {
		a.count(int64(-n))
		return a.door.limits.refuse(r)
	}
	return nil
}

// Release implements wire.Budget.
func (a *account) Release(n int) { a.count(int64(-n)) }

// Tight implements wire.Budget: beyond half of the budget bytes are shared.
func (a *account) Tight() bool { return a.door.bytes.Load() > int64(a.door.limits.MaxBytes)/2 }

// backlog is Hold and Release for answers in the writer's queue, which has a bound of
// its own: they are counted and never refused.
func (a *account) backlog(n int) { a.count(int64(n)) }

// admitBytes is the rule for bytes: mine are what one of the holders would have, all
// what all of them would. Up to half of the budget anybody may take. Beyond, nobody gets
// more who has more than seven times an equal share of what is left: so one alone may
// have seven eighths, two that want everything end with seven sixteenths each, and as
// long as many want little, a few may have much. Of the last eighth, moreover, nobody gets
// more who has more than a 16th of what is left, so that whoever comes finds something.
// A small call is every connection's own: what answers take, which are never refused, does
// not shut out who has nothing.
func (l *ServiceLimits) admitBytes(mine, all, holders int64) refusal {
	budget := int64(l.MaxBytes)
	left := budget - all
	share := 7 * left / max(holders, 1)
	if mine <= budget/512 {
		share *= 3
	}
	switch {
	case mine > int64(l.MaxBytesPerConn):
		return connBytes
	case all <= budget/2 || mine <= min(ownBytes, budget/2048):
	case mine > share:
		return allBytes
	case left < budget/8 && mine > left/16:
		return allBytes
	}
	return admitted
}

// count counts a refusal by its reason; what has none, with admitted, made no sense.
func (d *admission) count(err error) {
	reason := admitted
	if own := chosen(err); own != nil {
		reason = own.refused
	}
	d.refused[reason].Add(1)
}

// refuse makes the error for a refusal.
func (l *ServiceLimits) refuse(r refusal) error {
	e := &Error{Code: CodeResourceExhausted, refused: r}
	switch r {
	case tooManyOnConn:
		e.Message = fmt.Sprintf("too many calls in flight on this connection, at most %d are allowed", l.MaxInFlightPerConn)
	case tooManyInAll:
		e.Message = "too many calls in flight"
	case tooManyWaiting:
		e.Message = fmt.Sprintf("all workers are busy and %d calls wait", l.MaxWaiting)
	case goingAway:
		e.Code, e.Message = CodeUnavailable, "the connection is going away"
	case connBytes:
		e.Message = fmt.Sprintf("too many bytes are in use on this connection, at most %d are allowed", l.MaxBytesPerConn)
	case allBytes:
		e.Message = "too many bytes are in use"
	case tooManyOfPeer:
		e.Message = fmt.Sprintf("too many calls in flight from this address, at most %d are allowed", l.MaxInFlightPerPeer)
	case peerBytes:
		e.Message = fmt.Sprintf("too many bytes are in use for this address, at most %d are allowed", l.MaxBytesPerPeer)
	}
	return e
}
