package etcdsd

import (
	"maps"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// entries are what is known of the prefix. They belong to the goroutine that follows it.
type entries struct {
	byKey    map[string]entry
	cluster  uint64 // which etcd that was; 0: none yet
	revision int64  // up to which everything is known
	seen     int64  // the largest revision of the store that etcd has told of

	// held are instances of before etcd lost its data, by key, that it does not have again: they
	// are named until the time is over.
	held  map[string]muxendpoint.Instance
	until time.Time

	complaints discovery.Complaints
}

type entry struct {
	instance muxendpoint.Instance
	err      error // why it is none
	revision int64 // at which it was written
}

// newest is the largest revision at which one of them was written.
func (e *entries) newest() (revision int64) {
	for _, known := range e.byKey {
		revision = max(revision, known.revision)
	}
	return revision
}

// lost reports whether an etcd that has this revision has forgotten what it knew before.
func (e *entries) lost(cluster uint64, revision int64) bool {
	return e.cluster != 0 && (cluster != e.cluster || revision < e.seen)
}

// unknown reports whether one of kvs was written at a revision up to which everything is known, and
// is not: then that was another history, of an etcd that was restored and has come as far again.
func (e *entries) unknown(kvs []*mvccpb.KeyValue) bool {
	return slices.ContainsFunc(kvs, func(kv *mvccpb.KeyValue) bool {
		return kv.ModRevision <= e.revision && e.byKey[string(kv.Key)].revision != kv.ModRevision
	})
}

// list makes kvs all that there is. What is missing because etcd has lost it is held.
func (e *entries) list(kvs []*mvccpb.KeyValue, cluster uint64, revision int64, grace time.Duration) (lost bool) {
	lost = e.lost(cluster, revision) || e.unknown(kvs)
	if lost {
		if e.held == nil {
			e.held = make(map[string]muxendpoint.Instance)
		}
		for key, known := range e.byKey {
			if known.err == nil {
				e.held[key] = known.instance
			}
		}
		e.until = time.Now().Add(grace)
	}
	e.byKey = make(map[string]entry, len(kvs))
	e.cluster, e.revision, e.seen = cluster, revision, revision
	for _, kv := range kvs {
		e.put(kv)
	}
	return lost
}

func (e *entries) put(kv *mvccpb.KeyValue) {
	key := string(kv.Key)
	in, err := muxendpoint.ParseInstance(string(kv.Value))
	if err != nil {
		e.complaints.LeftOut(key, err)
	}
	e.byKey[key] = entry{in, err, kv.ModRevision}
	delete(e.held, key)
}

func (e *entries) remove(key string) {
	delete(e.byKey, key)
	delete(e.held, key)
}

// release ends the time of what is held, if it is over, and reports whether it was just now.
func (e *entries) release() bool {
	if len(e.held) == 0 || time.Now().Before(e.until) {
		return false
	}
	e.held = nil
	return true
}

// instances are those that are named now, in the order of their keys. It is an error if there are
// entries, and none of them is an instance.
func (e *entries) instances() ([]muxendpoint.Instance, error) {
	all := maps.Clone(e.held)
	if all == nil {
		all = make(map[string]muxendpoint.Instance, len(e.byKey))
	}
	none := &discovery.NoneError{Entries: len(e.byKey)}
	for key, known := range e.byKey {
		if known.err != nil {
			none.First = known.err
			continue
		}
		all[key] = known.instance
	}
	if len(all) == 0 && none.First != nil {
		return nil, none
	}
	list := make([]muxendpoint.Instance, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[key])
	}
	return list, nil
}
