package main

import (
	"context"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// capacity measures how many calls a second the nodes answer that take a limited
// number at once: each is kept busy by as many callers as it has places, a closed
// loop, with neither breakers nor retries. It takes half as long as nodes are sick.
func (r *round) capacity(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var callers sync.WaitGroup
	defer callers.Wait()
	defer cancel()
	var mu sync.Mutex // guards ends
	var ends []time.Time
	takes, limit := r.scene.nodes.takes, r.scene.nodes.limit
	for _, address := range r.cluster.addresses {
		get := r.client.method(muxpool.Node{Network: "tcp", Address: address}, methodGet, idle{}).Endpoint()
		for i := range limit {
			callers.Go(func() {
				pause := takes * time.Duration(i) / time.Duration(limit) // spread over the time of a call
				for sleep(ctx, pause) == nil {
					pause = 0
					if _, err := get(withToken(context.Background(), goodToken), nonce()); err != nil {
						pause = time.Millisecond // its place was not free yet
						continue
					}
					mu.Lock()
					ends = append(ends, time.Now())
					mu.Unlock()
				}
			})
		}
	}
	if err := sleep(ctx, 2*takes); err != nil {
		return 0, err
	}
	from := time.Now()
	if err := sleep(ctx, r.sick/2); err != nil {
		return 0, err
	}
	to := time.Now()
	cancel()
	callers.Wait()
	return throughput(ends, takes, from, to), nil
}

// throughput is how many calls a second nodes ran between from and to, each of which
// took them a time and ended well. One that ran across an edge counts in part, so that
// it does not matter where in a wave of calls the edges lie.
func throughput(ends []time.Time, took time.Duration, from, to time.Time) float64 {
	var busy time.Duration
	for _, end := range ends {
		begin := end.Add(-took)
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		busy += max(0, end.Sub(begin))
	}
	return busy.Seconds() / took.Seconds() / to.Sub(from).Seconds()
}
