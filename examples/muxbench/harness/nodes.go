package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Many nodes: one client process, as many servers as the cell says, all in one
// server process. The client calls every node, is left idle and weighed; then
// the load begins.

// MaxNodes is what fits into a child's environment.
const MaxNodes = 5000

const (
	nodesFirstCalls = 16          // at once, when each node is called for the first time
	nodesSettle     = 20          // warm-ups between those and the weighing: pools tidy up when nobody calls
	idleTime        = time.Minute // what all of this may take, beside an answer's time
	filesOfNode     = 3           // descriptors in a process: a listener and two connections
)

// serve starts the servers and returns their addresses, separated by commas.
func (e Env) serve(entry Entry) (string, error) {
	if err := wantFiles(filesOfNode * e.Nodes); err != nil {
		return "", err
	}
	addrs := make([]string, max(1, e.Nodes))
	for i := range addrs {
		var err error
		if addrs[i], err = entry.Serve(e); err != nil {
			return "", err
		}
	}
	return strings.Join(addrs, ","), nil
}

// dialNodes calls each node once, weighs the idle client, and makes the calls
// of all callers.
func (j Job) dialNodes(entry Entry) ([]Call, *Footprint, error) {
	many, ok := entry.Contender.(ManyNodes)
	if !ok {
		return nil, nil, fmt.Errorf("%s has no client of many nodes", entry.Name)
	}
	e := j.Env
	if err := wantFiles(filesOfNode * e.Nodes); err != nil {
		return nil, nil, err
	}
	newCall, err := many.Connect(e)
	if err != nil {
		return nil, nil, err
	}
	addrs := strings.Split(e.Addr, ",")
	before := footprintNow(j.Duration)
	if err := callOnce(addrs, newCall, e.Size); err != nil {
		return nil, nil, err
	}
	time.Sleep(nodesSettle * j.Warmup)
	idle := footprintNow(j.Duration).since(before)
	calls := make([]Call, e.Callers)
	for i := range calls {
		calls[i] = e.callNodes(i, addrs, newCall())
	}
	return calls, &idle, nil
}

// callOnce calls each address.
func callOnce(addrs []string, newCall func() CallTo, size int) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, nodesFirstCalls) // each its goroutine's
	for i := range errs {
		wg.Go(func() {
			call, payload := newCall(), newPayload(size, i)
			for n := next.Add(1) - 1; n < int64(len(addrs)); n = next.Add(1) - 1 {
				payload.stamp()
				if err := call(ctx, addrs[n], payload.bytes, payload.check); err != nil {
					errs[i] = fmt.Errorf("first call of node %d: %w", n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// callNodes makes the calls of caller i: where there are fewer callers than
// nodes it goes from node to node, else it stays at one.
func (e Env) callNodes(i int, addrs []string, call CallTo) Call {
	if e.Callers >= len(addrs) {
		addr := addrs[i%len(addrs)]
		return func(ctx context.Context, req []byte, check Check) error { return call(ctx, addr, req, check) }
	}
	at := i * len(addrs) / e.Callers
	return func(ctx context.Context, req []byte, check Check) error {
		addr := addrs[at]
		at = (at + 1) % len(addrs)
		return call(ctx, addr, req, check)
	}
}
