package etcdsd

import (
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
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
		{"as the watch has it", look{cluster: 7, revision: 120, newest: 50, key: "a", entries: 1}, nil, false, false},
		{"the same revision", look{cluster: 7, revision: 100, newest: 50, key: "a", entries: 1}, nil, false, false},
		{"a lower revision, and as many entries", look{cluster: 7, revision: 99, newest: 3, entries: 1}, nil, true, true},
		{"another cluster", look{cluster: 8, revision: 120, newest: 50, entries: 1}, nil, true, true},
		{"one entry more, once", look{cluster: 7, revision: 120, newest: 119, entries: 2}, nil, true, false},
		{"and another more then", look{cluster: 7, revision: 120, newest: 120, entries: 3}, &look{newest: 119, entries: 2}, true, false},
		{"one more, twice", look{cluster: 7, revision: 120, newest: 119, entries: 2}, &look{newest: 119, entries: 2}, true, true},
		{"one was written again, twice", look{cluster: 7, revision: 120, newest: 119, entries: 1}, &look{newest: 119, entries: 1}, true, true},
		{"none left, twice", look{cluster: 7, revision: 120}, &look{}, true, true},
		{"the newest is older, twice", look{cluster: 7, revision: 120, newest: 49, entries: 1}, &look{newest: 49, entries: 1}, true, true},
		{"the newest is older, as it was when the look began", look{cluster: 7, revision: 120, newest: 49, entries: 1}, nil, true, false},
		{"the newest is another's, once", look{cluster: 7, revision: 120, newest: 50, key: "b", entries: 1}, nil, true, false},
		{"the newest is another's, twice", look{cluster: 7, revision: 120, newest: 50, key: "b", entries: 1}, &look{newest: 50, key: "b", entries: 1}, true, true},
		{"none left, once", look{cluster: 7, revision: 120}, nil, true, false},
	} {
		i := &Instancer{entries: entries{byKey: map[string]entry{"a": {revision: 50}}, cluster: 7, revision: 60, seen: 100}}
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

// An etcd that was restored and written to since may be as far as it was, with as many entries: what it has
// written where everything is known gives it away, and what it has forgotten is held.
func TestAnotherHistory(t *testing.T) {
	kv := func(key string, revision int64) *mvccpb.KeyValue {
		return &mvccpb.KeyValue{Key: []byte(key), Value: []byte(key + ":1"), ModRevision: revision}
	}
	for name, c := range map[string]struct {
		now  []*mvccpb.KeyValue
		at   int64
		lost bool
	}{
		"the same":                       {[]*mvccpb.KeyValue{kv("a", 3), kv("s", 5)}, 5, false},
		"one is gone":                    {[]*mvccpb.KeyValue{kv("a", 3)}, 6, false},
		"one is written since":           {[]*mvccpb.KeyValue{kv("a", 3), kv("s", 5), kv("t", 6)}, 6, false},
		"one is written again":           {[]*mvccpb.KeyValue{kv("a", 6), kv("s", 5)}, 6, false},
		"another is where one was":       {[]*mvccpb.KeyValue{kv("a", 3), kv("t", 5)}, 5, true},
		"another, and it has gone on":    {[]*mvccpb.KeyValue{kv("a", 3), kv("t", 4)}, 90, true},
		"one is what it was before that": {[]*mvccpb.KeyValue{kv("a", 2), kv("s", 5)}, 5, true},
	} {
		var e entries
		e.list([]*mvccpb.KeyValue{kv("a", 3), kv("s", 5)}, 7, 5, time.Minute)
		if lost := e.list(c.now, 7, c.at, time.Minute); lost != c.lost {
			t.Errorf("%s: lost is %v", name, lost)
		}
	}
}
