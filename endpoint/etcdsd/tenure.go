package etcdsd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrTaken: another process has put something under the Registrar's key. That is left alone for as long as it is there.
var ErrTaken = errors.New("etcdsd: the key is another process's")

// tenure is what holds a key: a lease, which lasts as long as it is renewed.
type tenure struct {
	lease clientv3.LeaseID   // 0: it has to be granted
	own   []clientv3.LeaseID // that and those of before, which may still hold the key: the last few
	began bool               // the key was written once
}

const maxOwn = 8

// renew sees to it that the node is named, and goes on to be: each step is right whatever has
// happened since, so nothing has to be known of what etcd has lost.
func (r *Registrar) renew(ctx context.Context, t *tenure) error {
	value := *r.value.Load()
	for range 3 { // the lease may be gone, and another end meanwhile
		if t.lease == clientv3.NoLease {
			if err := r.grant(ctx, t); err != nil {
				return fmt.Errorf("etcd: a lease: %w", err)
			}
		}
		err := r.hold(ctx, t, value)
		if err == nil {
			err = r.keepAlive(ctx, t)
		}
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
		t.lease = clientv3.NoLease
	}
	return errors.New("etcd: leases end as soon as they are granted")
}

// ledBy asks etcd, and again if a member was asked that has no leader: the client asks another next, which may have
// one. Of five members two may have none.
func ledBy[T any](ask func() (T, error)) (answer T, err error) {
	for range 3 {
		if answer, err = ask(); !errors.Is(err, rpctypes.ErrNoLeader) {
			break
		}
	}
	return answer, err
}

func (r *Registrar) grant(ctx context.Context, t *tenure) error {
	ctx, cancel := r.until(ctx)
	defer cancel()
	l, err := ledBy(func() (*clientv3.LeaseGrantResponse, error) { return r.client.Grant(ctx, int64(r.cfg.ttl.Seconds())) })
	if err != nil {
		return err
	}
	t.lease = l.ID
	if t.own = append(t.own, l.ID); len(t.own) > maxOwn {
		t.own = t.own[1:]
	}
	return nil
}

func (r *Registrar) keepAlive(ctx context.Context, t *tenure) error {
	ctx, cancel := r.until(ctx)
	defer cancel()
	_, err := ledBy(func() (*clientv3.LeaseKeepAliveResponse, error) { return r.client.KeepAliveOnce(ctx, t.lease) })
	if err != nil {
		return fmt.Errorf("etcd: renewing the lease: %w", err)
	}
	return nil
}

// hold has the key hold the value under the lease.
func (r *Registrar) hold(ctx context.Context, t *tenure, value string) error {
	ctx, cancel := r.until(ctx)
	defer cancel()
	for range 3 { // somebody may write between the two
		seen, err := ledBy(r.client.Txn(ctx).
			If(clientv3.Compare(clientv3.LeaseValue(r.key), "=", t.lease), clientv3.Compare(clientv3.Value(r.key), "=", value)).
			Else(clientv3.OpGet(r.key)).Commit)
		if err != nil {
			return fmt.Errorf("etcd: key %q: %w", r.key, err)
		}
		if seen.Succeeded {
			return nil
		}
		var there *mvccpb.KeyValue
		if kvs := seen.Responses[0].GetResponseRange().GetKvs(); len(kvs) > 0 {
			there = kvs[0]
		}
		if t.began && there != nil && !slices.Contains(t.own, clientv3.LeaseID(there.Lease)) {
			return fmt.Errorf("%w: %q", ErrTaken, r.key)
		}
		written, err := ledBy(r.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(r.key), "=", there.GetModRevision())).
			Then(clientv3.OpPut(r.key, value, clientv3.WithLease(t.lease))).Commit)
		if err != nil {
			return fmt.Errorf("etcd: key %q: %w", r.key, err)
		}
		if written.Succeeded {
			t.began = true
			return nil
		}
	}
	return fmt.Errorf("etcd: key %q: it is written again and again", r.key)
}

// leave takes the node off, unless the key is another's.
func (r *Registrar) leave(ctx context.Context, t *tenure) error {
	if t.lease == clientv3.NoLease {
		return nil
	}
	ctx = clientv3.WithRequireLeader(ctx)
	for _, lease := range t.own {
		own := clientv3.Compare(clientv3.LeaseValue(r.key), "=", lease)
		if _, err := ledBy(r.client.Txn(ctx).If(own).Then(clientv3.OpDelete(r.key)).Commit); err != nil {
			return err
		}
	}
	_, err := ledBy(func() (*clientv3.LeaseRevokeResponse, error) { return r.client.Revoke(ctx, t.lease) })
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return nil
	}
	return err
}
