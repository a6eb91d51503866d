package transport

import (
	"slices"
	"testing"
)

// TestAdmissionOfFewBytes is the rule for who has a 512th of a budget of 51,200 or less, which
// may be three shares, and for the 2048th that everybody has.
func TestAdmissionOfFewBytes(t *testing.T) {
	l := ServiceLimits{MaxBytes: 51_200, MaxBytesPerConn: 30_000}
	for _, c := range []struct {
		name               string
		mine, all, holders int64
		want               refusal
	}{
		{"as much as one may have", 30_000, 30_000, 1, admitted},
		{"more than one may have", 30_001, 30_001, 1, connBytes},
		{"three shares of ten", 30, 41_200, 7000, admitted},
		{"more than three shares", 31, 41_200, 7000, allBytes},
		{"a 512th, of a share of forty", 100, 41_200, 1750, admitted},
		{"more than a 512th", 101, 41_200, 1750, allBytes},
		{"full, what everybody has", 25, 51_200, 100, admitted},
		{"full, more", 26, 51_200, 100, allBytes},
	} {
		if got := l.admitBytes(c.mine, c.all, c.holders); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestBytesAreSharedBeyondHalf: that is where connections do without what they can.
func TestBytesAreSharedBeyondHalf(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxBytes: 1000, MaxBytesPerConn: 1000}}
	var a account
	a.open(d, 0)
	for _, row := range []struct {
		more  int
		tight bool
	}{{0, false}, {500, false}, {1, true}, {400, true}, {-401, false}} {
		a.backlog(row.more)
		if got := a.Tight(); got != row.tight {
			t.Errorf("with %d bytes of 1000 in use: tight is %v", d.bytes.Load(), got)
		}
	}
}

// TestWhoHasBytes: one byte makes an account one that has some, nothing does not.
func TestWhoHasBytes(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxBytes: 1000, MaxBytesPerConn: 1000}}
	var a account
	a.open(d, 0)
	for i, row := range []struct {
		hold    int
		holders int64
	}{{0, 0}, {1, 1}, {0, 1}, {-1, 0}, {0, 0}, {2, 1}, {-1, 1}, {-1, 0}} {
		if row.hold < 0 {
			a.Release(-row.hold)
		} else if err := a.Hold(row.hold); err != nil {
			t.Fatal(err)
		}
		if got := d.holders.Load(); got != row.holders {
			t.Errorf("step %d, %d more: %d accounts have bytes, want %d", i, row.hold, got, row.holders)
		}
	}
}

// TestCallsBesideOthers: how many calls one connection gets beside others that keep theirs, to
// the call.
func TestCallsBesideOthers(t *testing.T) {
	for _, row := range []struct {
		name         string
		most, others int // connections that have as many calls, each
		calls        int
		want         int
	}{
		{"one has one", 80, 1, 1, 62},
		{"seven have 56", 94, 7, 8, 18},
		{"seven have 56, of more", 96, 7, 8, 19},
		{"nobody has any", 80, 0, 0, 80},
	} {
		d := &admission{limits: ServiceLimits{MaxInFlight: row.most, MaxBytes: 128 << 20, MaxBytesPerConn: 128 << 20}}
		all := make([]account, row.others+1)
		for i := range all {
			all[i].open(d, 0)
		}
		for range row.calls {
			for i := range row.others {
				if r := all[i].enter(1); r != admitted {
					t.Fatalf("%s: one of the others' calls is refused by %d", row.name, r)
				}
			}
		}
		got := 0
		for all[row.others].enter(1) == admitted {
			got++
		}
		if got != row.want {
			t.Errorf("%s: of %d calls it gets %d, want %d", row.name, row.most, got, row.want)
		}
	}
}

// TestAConnectionsLimitHoldsForLaterCalls: calls that were answered are forgotten, once.
func TestAConnectionsLimitHoldsForLaterCalls(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxInFlight: 100, MaxBytes: 1000, MaxBytesPerConn: 1000}}
	var a account
	a.open(d, 2)
	for round := range 3 {
		for i, want := range []refusal{admitted, admitted, tooManyOnConn} {
			if got := a.enter(1); got != want {
				t.Errorf("round %d, call %d: %d, want %d", round, i, got, want)
			}
		}
		for range 3 {
			a.answered()
			a.leave(1)
		}
	}
}

// TestPlaces is the rule for places: half of them are anybody's, beyond who has more than seven
// shares of what is left gets none; with less than a 512th of all three times as many.
func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		name                       string
		mine, taken, most, holders int
		want                       bool
	}{
		{"under half", 10, 39, 80, 80, true},
		{"half is taken, who has more than a share", 4, 40, 80, 80, false},
		{"half is taken, a share", 3, 40, 80, 80, true},
		{"one is left", 0, 79, 80, 2, true},
		{"none is left", 0, 80, 80, 2, false},
		{"nobody has any, as counted a moment ago", 39, 40, 80, 0, true},
		{"few, three shares", 6, 5100, 5120, 70, true},
		{"few, more", 7, 5100, 5120, 70, false},
		{"few, less than a 512th", 9, 5080, 5120, 70, true},
		{"a 512th", 10, 5080, 5120, 70, false},
	} {
		if got := hasPlace(c.mine, c.taken, c.most, c.holders); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestBytesOfAPeer: its connections have as many together as are allowed, to the byte; others are not
// bounded by that, nor is it where nothing is said of peers.
func TestBytesOfAPeer(t *testing.T) {
	for _, most := range []int{1000, 0} {
		d := &admission{limits: ServiceLimits{MaxBytes: 100_000, MaxBytesPerConn: 100_000, MaxBytesPerPeer: most}}
		var one, two, other account
		of := new(peer)
		for _, a := range []*account{&one, &two, &other} {
			a.open(d, 0)
		}
		one.peer, two.peer = of, of
		for i, row := range []struct {
			a       *account
			n       int
			refused bool
		}{{&one, 600, false}, {&two, 401, true}, {&two, 400, false}, {&one, 1, true}, {&other, 2000, false}} {
			if err := row.a.Hold(row.n); (err != nil) != (row.refused && most > 0) {
				t.Errorf("of %d bytes, step %d, %d more: %v", most, i, row.n, err)
			}
		}
	}
}

// TestLimitsOfOne: one call, or one byte, is a limit, and not none.
func TestLimitsOfOne(t *testing.T) {
	for name, row := range map[string]struct {
		limits ServiceLimits
		ofConn int
		want   refusal
	}{
		"calls of a connection": {ServiceLimits{}, 1, tooManyOnConn},
		"calls of a peer":       {ServiceLimits{MaxInFlightPerPeer: 1}, 0, tooManyOfPeer},
		"bytes of a peer":       {ServiceLimits{MaxBytesPerPeer: 1}, 0, peerBytes},
	} {
		row.limits.MaxInFlight, row.limits.MaxBytes, row.limits.MaxBytesPerConn = 100, 1000, 1000
		d := &admission{limits: row.limits}
		a := account{peer: new(peer)}
		a.open(d, row.ofConn)
		for i, want := range []refusal{admitted, row.want} {
			if got := a.enter(1); got != want {
				t.Errorf("%s, call %d: %d, want %d", name, i, got, want)
			}
		}
	}
}

// TestTurnsOfWhoJoinsAgain: an account has one turn to come, and no other's is lost by that.
func TestTurnsOfWhoJoinsAgain(t *testing.T) {
	var l line
	accounts := make([]waiting, 4)
	for i, who := range []int{0, 1, 2, 0, 3, 1, 0} {
		if now, r := l.join(&accounts[who], &serverCall{id: uint32(i)}, 100); now || r != admitted {
			t.Fatalf("call %d: %v, %d", i, now, r)
		}
	}
	var got []uint32
	for call := l.next(); call != nil && len(got) < 10; call = l.next() {
		got = append(got, call.id)
	}
	if want := []uint32{0, 1, 2, 4, 3, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}
