package transport

import (
	"errors"
	"slices"
	"testing"
)

// TestAdmissionOfBytes is the rule for a budget of 1024 in all, of which 896 are open to
// all and 128 are kept, and 1000 for one.
func TestAdmissionOfBytes(t *testing.T) {
	l := ServiceLimits{MaxBytes: 1024, MaxBytesPerConn: 1000}
	for _, c := range []struct {
		name               string
		mine, all, holders int64
		want               refusal
	}{
		{"alone", 1, 1, 1, admitted},
		{"alone, all that is open", 896, 896, 1, admitted},
		{"alone, more", 897, 897, 1, allBytes},
		{"as much as one may have, of which little is left", 1000, 1000, 1, allBytes},
		{"more than one may have", 1001, 1001, 1, connBytes},
		{"under half, whoever it is", 511, 512, 1000, admitted},
		{"over half, an equal share", 448, 896, 2, admitted},
		{"over half, more than a share", 449, 896, 2, allBytes},
		{"over half, more than a share, others have little", 449, 700, 2, admitted},
		{"over half, a share of many", 8, 896, 100, admitted},
		{"before the last eighth, more than a 16th of what is left", 9, 896, 2, admitted},
		{"where the last eighth begins, more", 8, 904, 2, allBytes},
		{"the last eighth, a 16th of what is left", 7, 912, 2, admitted},
		{"the last eighth, more", 8, 912, 2, allBytes},
		{"nearly full, a 16th of what is left", 1, 1008, 2, admitted},
		{"nearly full, more", 2, 1008, 2, allBytes},
		{"the last eighth, among many", 3, 928, 224, admitted},
		{"the last eighth, among many, more", 4, 928, 224, allBytes},
		{"full", 1, 1025, 2, allBytes},
		{"nobody else, as counted a moment ago", 100, 600, 0, admitted},
	} {
		if got := l.admitBytes(c.mine, c.all, c.holders); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestEachConnectionHasASmallCall: however full it is, who has nothing gets one call of a
// few KiB, and no more.
func TestEachConnectionHasASmallCall(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxInFlight: 10, MaxBytes: 128 << 20, MaxBytesPerConn: 256 << 20}}
	var greedy, modest account
	greedy.open(d, 0)
	modest.open(d, 0)
	greedy.backlog(200 << 20) // answers are never refused
	if got := modest.enter(6 << 10); got != admitted {
		t.Errorf("a small call of who has nothing: %d", got)
	}
	if got := modest.enter(6 << 10); got != allBytes {
		t.Errorf("another beside it: %d, want %d", got, allBytes)
	}
	if got := greedy.enter(6 << 10); got != allBytes {
		t.Errorf("one of who has much: %d, want %d", got, allBytes)
	}
	full := int64(d.limits.MaxBytes)
	for mine, want := range map[int64]refusal{ownBytes: admitted, ownBytes + 1: allBytes} {
		if got := d.limits.admitBytes(mine, full, 100); got != want {
			t.Errorf("a first call of %d bytes: %d, want %d", mine, got, want)
		}
	}
}

// TestFewCallsBesideManyGreedy: where hundreds of connections have what they can get, and
// answers that are never refused have taken more than was left to them, somebody's few calls
// of some KiB find room still.
func TestFewCallsBesideManyGreedy(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxInFlight: 65_536, MaxBytes: 128 << 20, MaxBytesPerConn: 128 << 20}}
	hold := func(conns, step int, most int64) (greedy *account) {
		for range conns {
			a := new(account)
			a.open(d, 0)
			for a.bytes.Load() < most && a.Hold(step) == nil {
				greedy = a
			}
		}
		return greedy
	}
	hold(300, 64<<10, 128<<10) // half a frame each
	hold(700, 8<<10, 8<<10)    // a call each
	greedy := hold(90, 64<<10, 128<<20)
	if left := int64(d.limits.MaxBytes) - d.bytes.Load(); left < 8<<20 {
		t.Fatalf("of %d bytes the greedy leave %d", d.limits.MaxBytes, left)
	} else {
		greedy.backlog(int(left - 10<<20))
	}
	var honest account
	honest.open(d, 0)
	const call = 8<<10 + callBytes
	for i := range 16 {
		if got := honest.enter(call); got != admitted {
			t.Fatalf("call %d of 16: %d", i, got)
		}
	}
	if err := greedy.Hold(64 << 10); err == nil {
		t.Error("and who has much got more")
	}
}

// TestAdmissionCounts: what goes in comes out, and what is refused is counted until then.
func TestAdmissionCounts(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxInFlight: 3, MaxBytes: 1024, MaxBytesPerConn: 1024}}
	var a, b account
	a.open(d, 2)
	b.open(d, 0)
	for i, c := range []struct {
		a     *account
		bytes int64
		want  refusal
	}{{&a, 100, admitted}, {&a, 100, admitted}, {&a, 100, tooManyOnConn}, {&b, 100, tooManyInAll}} {
		if got := c.a.enter(c.bytes); got != c.want {
			t.Errorf("call %d: %d, want %d", i, got, c.want)
		}
	}
	if err := b.Hold(900); err == nil || d.bytes.Load() != 400 {
		t.Errorf("%v, %d bytes", err, d.bytes.Load())
	}
	if d.holders.Load() != 2 || d.calls.Load() != 4 {
		t.Errorf("%d holders, %d calls", d.holders.Load(), d.calls.Load())
	}
	for range 3 {
		a.answered()
	}
	b.answered()
	last := false
	for range 3 {
		last = last || a.leave(100)
	}
	if last || b.leave(100) {
		t.Error("the owners are there still")
	}
	if !a.part() || !b.part() {
		t.Error("somebody is there still")
	}
	if d.calls.Load() != 0 || d.bytes.Load() != 0 || d.holders.Load() != 0 {
		t.Errorf("left are %d calls, %d bytes, %d holders", d.calls.Load(), d.bytes.Load(), d.holders.Load())
	}
}

// TestLine: a worker that is free takes a call at once; calls that wait are taken in the
// order of their accounts' turns, and no more wait than may.
func TestLine(t *testing.T) {
	var l line
	l.free.Store(1)
	calls := make([]serverCall, 9)
	greedy, modest := &waiting{}, &waiting{}
	join := func(i int, w *waiting, now bool, want refusal) {
		t.Helper()
		calls[i].id = uint32(i)
		if got, r := l.join(w, &calls[i], 6); got != now || r != want {
			t.Fatalf("call %d: %v, %d", i, got, r)
		}
	}
	join(0, greedy, true, admitted)
	for i := 1; i <= 4; i++ {
		join(i, greedy, false, admitted)
	}
	join(5, modest, false, admitted)
	join(6, modest, false, admitted)
	join(7, modest, false, tooManyWaiting)
	var got []uint32
	for call := l.next(); call != nil; call = l.next() {
		got = append(got, call.id)
	}
	if want := []uint32{1, 5, 2, 6, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	if l.free.Load() != 1 || l.waiting.Load() != 0 || l.first != nil || l.last != nil || greedy.last != nil {
		t.Errorf("left are %+v", &l)
	}
	join(8, modest, true, admitted)
}

// TestLineQuit: a call that gives up its place is not run, wherever it stands.
func TestLineQuit(t *testing.T) {
	for quit := range 3 {
		var l line
		var w waiting
		calls := make([]serverCall, 3)
		for i := range calls {
			calls[i].id = uint32(i)
			if now, r := l.join(&w, &calls[i], 3); now || r != admitted {
				t.Fatalf("%v, %d", now, r)
			}
		}
		if !l.quit(&w, &calls[quit]) || l.quit(&w, &calls[quit]) || l.waiting.Load() != 2 {
			t.Errorf("%d wait", l.waiting.Load())
		}
		if now, r := l.join(&w, &calls[quit], 3); now || r != admitted {
			t.Errorf("its place is not free: %v, %d", now, r)
		}
		for call := range calls {
			if call != quit && l.next() == &calls[quit] {
				t.Errorf("call %d has kept its place", quit)
			}
		}
		if l.next() != &calls[quit] || l.next() != nil || l.first != nil || w.turn || w.last != nil {
			t.Errorf("left are %+v, %+v", &l, &w)
		}
		l.free.Store(0)
		l.join(&w, &calls[0], 3)
		if !l.quit(&w, &calls[0]) || l.next() != nil || l.free.Load() != 1 {
			t.Error("an account without calls has a turn")
		}
	}
}

// TestFewWaitBesideManyGreedy: where many connections have a call or a few that wait, and
// others as many as they can, somebody's few find places still.
func TestFewWaitBesideManyGreedy(t *testing.T) {
	const most = 4096
	var l line
	fill := func(conns, calls int) {
		for range conns {
			w := new(waiting)
			for range calls {
				if _, r := l.join(w, new(serverCall), most); r != admitted {
					break
				}
			}
		}
	}
	fill(500, 1)
	fill(100, 16)
	fill(100, most)
	var honest waiting
	for i := range 8 {
		if _, r := l.join(&honest, new(serverCall), most); r != admitted {
			t.Fatalf("call %d of 8: %d, and %d places are empty", i, r, most-l.waiting.Load())
		}
	}
}

// TestNobodyTakesAllCallsInFlight: connections that want all of ServiceMaxInFlight leave room
// for another's few calls. One that is alone may have all.
func TestNobodyTakesAllCallsInFlight(t *testing.T) {
	const most = 1000
	d := &admission{limits: ServiceLimits{MaxInFlight: most, MaxBytes: 128 << 20, MaxBytesPerConn: 128 << 20}}
	enter := func(a *account) bool {
		if r := a.enter(callBytes); r != admitted {
			if a.answered(); a.leave(callBytes) {
				t.Fatal("the owner has not left")
			}
			if r != tooManyInAll && r != tooManyOnConn {
				t.Fatalf("refused by %d", r)
			}
			return false
		}
		return true
	}
	var all [4]account
	for more := true; more; {
		more = false
		for i := range all {
			if all[i].door == nil {
				all[i].open(d, most/2)
			}
			more = enter(&all[i]) || more
		}
	}
	var honest account
	honest.open(d, 0)
	for i := range 3 {
		if !enter(&honest) {
			t.Fatalf("call %d of 3 is refused, %d of %d are in flight", i, d.calls.Load(), most)
		}
	}
	if n := d.calls.Load(); n < most*3/4 {
		t.Errorf("of %d calls %d are let in", most, n)
	}
	alone := &admission{limits: d.limits}
	var one account
	one.open(alone, 0)
	for i := range most {
		if !enter(&one) {
			t.Fatalf("call %d of who is alone is refused", i)
		}
	}
	if enter(&one) {
		t.Error("and more than all")
	}
}

// TestPlacesOfWhoWaits: half of the places are anybody's. Beyond, who has many waiting gets
// no more than seven shares of what is left, of as many as there are accounts that wait.
func TestPlacesOfWhoWaits(t *testing.T) {
	const most = 80
	var l line
	var greedy, b, c waiting
	wait := func(w *waiting) (call *serverCall, waits bool) {
		call = new(serverCall)
		now, r := l.join(w, call, most)
		if now || r != admitted && r != tooManyWaiting {
			t.Fatalf("joined: %v, %v", now, r)
		}
		return call, r == admitted
	}
	fill := func() (n int) {
		for n < most {
			if _, waits := wait(&greedy); !waits {
				break
			}
			n++
		}
		return n
	}
	ofB, _ := wait(&b)
	ofC, _ := wait(&c)
	if n := fill(); n != 55 {
		t.Errorf("beside two others %d calls wait, want 55", n)
	}
	if !l.quit(&b, ofB) || !l.quit(&c, ofC) || l.quit(&c, ofC) {
		t.Error("who waits can quit, once")
	}
	if n := fill(); n != 16 {
		t.Errorf("alone, %d more wait, want 16", n)
	}
	if _, waits := wait(&b); !waits {
		t.Error("who has none waiting finds no place")
	}
	for range 72 {
		if l.next() == nil {
			t.Fatal("a call that waits is lost")
		}
	}
	if l.next() != nil || l.waiting.Load() != 0 || l.holders != 0 || l.free.Load() != 1 {
		t.Errorf("at the end %d wait, of %d; %d workers are free", l.waiting.Load(), l.holders, l.free.Load())
	}
}

// What a client is told when a limit is reached: which, and how much it allows.
func TestWordsOfRefusals(t *testing.T) {
	l := &ServiceLimits{MaxInFlightPerConn: 11, MaxWaiting: 12, MaxBytesPerConn: 13, MaxInFlightPerPeer: 14, MaxBytesPerPeer: 15}
	for why, want := range map[refusal]string{
		tooManyOnConn:  "too many calls in flight on this connection, at most 11 are allowed",
		tooManyInAll:   "too many calls in flight",
		tooManyWaiting: "all workers are busy and 12 calls wait",
		goingAway:      "the connection is going away",
		connBytes:      "too many bytes are in use on this connection, at most 13 are allowed",
		allBytes:       "too many bytes are in use",
		tooManyOfPeer:  "too many calls in flight from this address, at most 14 are allowed",
		peerBytes:      "too many bytes are in use for this address, at most 15 are allowed",
	} {
		code := CodeResourceExhausted
		if why == goingAway {
			code = CodeUnavailable
		}
		var e *Error
		if err := l.refuse(why); !errors.As(err, &e) || e.Message != want || e.Code != code || e.refused != why {
			t.Errorf("refusal %d: %+v, want %q", why, err, want)
		}
	}
}
