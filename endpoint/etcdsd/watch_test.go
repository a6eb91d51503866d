package etcdsd

import (
	"errors"
	"testing"
)

// What a look finds out: data that is lost, at once; a change that the watch misses, when it misses it twice.
func TestWhatALookFindsOut(t *testing.T) {
	away := errors.New("away")
	for _, c := range []struct {
		name         string
		look         look
		before       *look
		odd, listing bool
	}{
		{"as the watch has it", look{cluster: 7, revision: 120, newest: 50, entries: 1}, nil, false, false},
		{"the same revision", look{cluster: 7, revision: 100, newest: 50, entries: 1}, nil, false, false},
		{"a lower revision, and as many entries", look{cluster: 7, revision: 99, newest: 3, entries: 1}, nil, true, true},
		{"another cluster", look{cluster: 8, revision: 120, newest: 50, entries: 1}, nil, true, true},
		{"one entry more, once", look{cluster: 7, revision: 120, newest: 119, entries: 2}, nil, true, false},
		{"and another more then", look{cluster: 7, revision: 120, newest: 120, entries: 3}, &look{newest: 119, entries: 2}, true, false},
		{"one more, twice", look{cluster: 7, revision: 120, newest: 119, entries: 2}, &look{newest: 119, entries: 2}, true, true},
		{"one was written again, twice", look{cluster: 7, revision: 120, newest: 119, entries: 1}, &look{newest: 119, entries: 1}, true, true},
		{"none left, twice", look{cluster: 7, revision: 120}, &look{}, true, true},
		{"none left, once", look{cluster: 7, revision: 120}, nil, true, false},
	} {
		i := &Instancer{entries: entries{byKey: map[string]entry{"a": {}}, cluster: 7, revision: 60, seen: 100, newest: 50}}
		odd := i.odd(c.look, c.before)
		if (odd != nil) != c.odd || c.odd && errors.Is(odd.err, errListAgain) != c.listing {
			t.Errorf("%s: %+v", c.name, odd)
		}
	}
	i := &Instancer{}
	if odd := i.odd(look{err: away}, nil); odd == nil || !errors.Is(odd.err, away) {
		t.Errorf("%+v", odd)
	}
}
