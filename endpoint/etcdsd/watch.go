package etcdsd

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/muxkit/muxkit/internal/discovery"
)

// errListAgain: the watch cannot go on, though etcd is well.
var errListAgain = errors.New("the prefix has to be listed again")

// follow lists the prefix, then watches it, until something is wrong. alive is called when a watch is known to work.
func (i *Instancer) follow(ctx context.Context, wake <-chan struct{}, alive func()) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx)) // who has none says so, and another is asked
	defer cancel()
	if err := i.list(ctx); err != nil {
		return err
	}
	watch := i.watch(ctx, i.entries.revision+1)
	var events clientv3.WatchChan // nil until etcd has answered
	var looked chan look          // nil while none is under way
	var odd *look                 // what the last look had that the watch had not
	check := time.NewTimer(discovery.Jitter(i.cfg.check, 4))
	defer check.Stop()
	release := time.NewTimer(time.Until(i.entries.until))
	defer release.Stop()
	for {
		select {
		case events = <-watch:
		case r, open := <-events:
			if err := i.apply(r, open); err != nil {
				return err
			}
			alive()
		case <-check.C:
			looked = i.look(ctx)
		case <-wake:
			if looked == nil {
				looked = i.look(ctx)
			}
		case l := <-looked:
			if odd, looked = i.odd(l, odd), nil; odd != nil && odd.err != nil {
				return odd.err
			}
			alive()
			check.Reset(discovery.Jitter(i.cfg.check, 4))
		case <-release.C:
			if i.entries.release() {
				i.cfg.Log("msg", "nodes that did not register again after etcd had lost its data are not named any more", "prefix", i.prefix)
				i.publish()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// list asks for all entries, and tells them.
func (i *Instancer) list(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, i.cfg.timeout)
	defer cancel()
	r, err := i.client.Get(ctx, i.prefix, clientv3.WithPrefix())
	if err != nil {
		return fmt.Errorf("listing: %w", err)
	}
	if i.entries.list(r.Kvs, r.Header.ClusterId, r.Header.Revision, i.cfg.grace) {
		i.cfg.Log("msg", "etcd has lost its data: nodes that are missing are named a while longer", "prefix", i.prefix,
			"missing", len(i.entries.held), "for", i.cfg.grace)
	}
	i.entries.release()
	i.publish()
	return nil
}

// watch begins a watch: the client does not return before etcd has answered.
func (i *Instancer) watch(ctx context.Context, revision int64) <-chan clientv3.WatchChan {
	begun := make(chan clientv3.WatchChan, 1)
	go func() { begun <- i.client.Watch(ctx, i.prefix, clientv3.WithPrefix(), clientv3.WithRev(revision)) }()
	return begun
}

// apply follows what the watch tells.
func (i *Instancer) apply(r clientv3.WatchResponse, open bool) error {
	switch {
	case !open:
		return errors.New("watching: the client ended it")
	case r.CompactRevision != 0:
		return fmt.Errorf("%w: revision %d was compacted away", errListAgain, i.entries.revision)
	case r.Err() != nil:
		return fmt.Errorf("watching: %w", r.Err())
	}
	for _, ev := range r.Events {
		i.entries.revision = ev.Kv.ModRevision // the header's may be ahead of events that are still to come
		if ev.Type == clientv3.EventTypeDelete {
			i.entries.remove(string(ev.Kv.Key))
		} else {
			i.entries.put(ev.Kv)
		}
	}
	i.entries.seen = max(i.entries.seen, r.Header.Revision)
	if len(r.Events) > 0 {
		i.publish()
	}
	return nil
}

// look is what etcd says of the prefix in few bytes.
type look struct {
	cluster         uint64
	revision        int64
	newest, entries int64
	key             string // of the newest
	err             error
}

// look asks for it, beside the watch.
func (i *Instancer) look(ctx context.Context) chan look {
	looked := make(chan look, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, i.cfg.timeout)
		defer cancel()
		r, err := i.client.Get(ctx, i.prefix, append(clientv3.WithLastRev(), clientv3.WithPrefix(), clientv3.WithKeysOnly())...)
		if err != nil {
			looked <- look{err: fmt.Errorf("looking: %w", err)}
			return
		}
		l := look{cluster: r.Header.ClusterId, revision: r.Header.Revision, entries: r.Count}
		for _, kv := range r.Kvs {
			l.newest, l.key = kv.ModRevision, string(kv.Key)
		}
		looked <- l
	}()
	return looked
}

// odd compares what etcd says with what the watch has told. It returns what the watch misses, or nil; with an
// error, if that is not just on its way: it was missing at the look before too.
func (i *Instancer) odd(l look, before *look) *look {
	e := &i.entries
	switch {
	case l.err != nil:
		return &l
	case e.lost(l.cluster, l.revision):
		l.err = fmt.Errorf("%w: etcd has lost its data", errListAgain)
		return &l
	}
	e.seen = max(e.seen, l.revision)
	if l.entries == int64(len(e.byKey)) && l.newest == e.newest() && l.newest == e.byKey[l.key].revision {
		return nil
	}
	if before != nil && l.newest == before.newest && l.key == before.key && l.entries == before.entries {
		l.err = fmt.Errorf("%w: the watch misses changes", errListAgain)
	}
	return &l
}
