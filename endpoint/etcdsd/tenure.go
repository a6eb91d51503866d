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
func (r *Registrar) renew(ctx context.Context, s *stay) error {
	r.mu.Lock()
	value := r.value
	r.mu.Unlock()
	for range 3 { // the lease may be gone, and another end meanwhile
		if s.lease == clientv3.NoLease {
			if err := r.grant(ctx, s); err != nil {
				return fmt.Errorf("etcd: a lease: %w", err)
			}
		}
		err := r.hold(ctx, s, value)
		if err == nil {
			err = r.keepAlive(ctx, s)
		}
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
		s.lease = clientv3.NoLease
	}
	return errors.New("etcd: leases end as soon as they are granted")
}

func (r *Registrar) grant(ctx context.Context, s *stay) error {
	ctx, cancel := r.until(ctx)
	defer cancel()
	l, err := r.client.Grant(ctx, int64(r.cfg.ttl.Seconds()))
	if err != nil {
		return err
	}
	s.lease = l.ID
	if s.own = append(s.own, l.ID); len(s.own) > maxOwn {
		s.own = s.own[1:]
	}
	return nil
}

func (r *Registrar) keepAlive(ctx context.Context, s *stay) error {
	ctx, cancel := r.until(ctx)
	defer cancel()
	if _, err := r.client.KeepAliveOnce(ctx, s.lease); err != nil {
		return fmt.Errorf("etcd: renewing the lease: %w", err)
	}
	return nil
}

// hold has the key hold the value under the lease.
func (r *Registrar) hold(ctx context.Context, s *stay, value string) error {
	ctx, cancel := r.until(ctx)
	defer cancel()
	for range 3 { // somebody may write between the two
		seen, err := r.client.Txn(ctx).
			If(clientv3.Compare(clientv3.LeaseValue(r.key), "=", s.lease), clientv3.Compare(clientv3.Value(r.key), "=", value)).
			Else(clientv3.OpGet(r.key)).Commit()
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
		if s.began && there != nil && !slices.Contains(s.own, clientv3.LeaseID(there.Lease)) {
			return fmt.Errorf("%w: %q", ErrTaken, r.key)
		}
		written, err := r.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(r.key), "=", there.GetModRevision())).
			Then(clientv3.OpPut(r.key, value, clientv3.WithLease(s.lease))).Commit()
		if err != nil {
			return fmt.Errorf("etcd: key %q: %w", r.key, err)
		}
		if written.Succeeded {
			s.began = true
			return nil
		}
	}
	return fmt.Errorf("etcd: key %q: it is written again and again", r.key)
}

// leave takes the node off, unless the key is another's.
func (r *Registrar) leave(s *stay) error {
	if s.lease == clientv3.NoLease {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.client.Ctx(), r.cfg.timeout)
	defer cancel()
	for _, lease := range s.own {
		if _, err := r.client.Txn(ctx).If(clientv3.Compare(clientv3.LeaseValue(r.key), "=", lease)).Then(clientv3.OpDelete(r.key)).Commit(); err != nil {
			return err
		}
	}
	if _, err := r.client.Revoke(ctx, s.lease); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return err
	}
	return nil
}
