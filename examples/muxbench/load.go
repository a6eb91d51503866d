package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// load is a closed loop: each caller makes a call, checks the answer, and makes
// the next. It runs from start to stop without a pause; calls that end inside
// the window count.
type load struct {
	size     int
	contexts contexts
	deadline time.Duration // of each call's context
	base     time.Time
	begin    atomic.Int64 // the window, as nanoseconds since base
	end      atomic.Int64
	warm     sync.WaitGroup // done when each caller has had an answer, or has failed
	wg       sync.WaitGroup // done when all callers have returned
	latency  [latencyShards]histogram
	errs     []error // one a caller, its own until wg is done
}

// latencyShards is how many histograms the callers share. One for each caller
// would cost a cache miss a call where there are many, one for all a fight for
// its cache lines.
const latencyShards = 8

// minSize is the smallest payload: a nonce at its start and one at its end.
const minSize = 16

// startLoad starts a goroutine for each call.
func startLoad(calls []Call, size int, which contexts, deadline time.Duration) *load {
	l := &load{size: size, contexts: which, deadline: deadline, base: time.Now(), errs: make([]error, len(calls))}
	l.begin.Store(math.MaxInt64)
	l.end.Store(math.MaxInt64)
	l.warm.Add(len(calls))
	for i, call := range calls {
		l.wg.Go(func() {
			if err := l.caller(i, call); err != nil {
				l.errs[i] = fmt.Errorf("caller %d: %w", i, err)
			}
		})
	}
	return l
}

// open starts the window now, for d.
func (l *load) open(d time.Duration) {
	now := time.Since(l.base)
	l.end.Store(int64(now + d))
	l.begin.Store(int64(now))
}

// close ends the load, counts, and returns the callers' errors.
func (l *load) close() (*histogram, error) {
	l.end.CompareAndSwap(math.MaxInt64, 0)
	l.wg.Wait()
	var all histogram
	var errs []error
	for i := range l.latency {
		all.merge(&l.latency[i])
	}
	for _, err := range l.errs {
		if err != nil && len(errs) < 3 {
			errs = append(errs, err)
		}
	}
	return &all, errors.Join(errs...)
}

func (l *load) caller(i int, call Call) error {
	payload := newPayload(l.size, i)
	latency := &l.latency[i%latencyShards]
	warm := false
	defer func() {
		if !warm {
			l.warm.Done()
		}
	}()
	answers := 0
	check := func(resp []byte) error {
		answers++
		return payload.check(resp)
	}
	last := time.Since(l.base)
	for {
		payload.stamp()
		answers = 0
		if err := l.once(call, payload.bytes, check); err != nil {
			return err
		}
		if answers == 0 {
			return errors.New("a call returned no error and no answer")
		}
		if !warm {
			warm = true
			l.warm.Done()
		}
		now := time.Since(l.base)
		if int64(now) > l.end.Load() {
			return nil
		}
		if int64(now) >= l.begin.Load() {
			latency.add(now-last, answers)
		}
		last = now
	}
}

func (l *load) once(call Call, req []byte, check Check) error {
	switch l.contexts {
	case ofContext:
		ctx, cancel := context.WithTimeout(context.Background(), l.deadline)
		defer cancel()
		return call(ctx, req, check)
	case ofDeadline:
		ctx, cancel := deadline.WithTimeout(context.Background(), l.deadline)
		defer cancel()
		return call(ctx, req, check)
	}
	return call(context.Background(), req, check)
}

// payload is a caller's request: the nonce of the call at its start and at its
// end, and in between bytes that are the caller's own.
type payload struct {
	bytes []byte
	nonce uint64
	whole int // how many answers are still compared byte by byte
}

func newPayload(size, caller int) *payload {
	p := &payload{bytes: make([]byte, size), nonce: uint64(caller+1) << 40, whole: 16}
	for i := range p.bytes {
		p.bytes[i] = byte(caller*31 + i*7)
	}
	return p
}

func (p *payload) stamp() {
	p.nonce++
	binary.BigEndian.PutUint64(p.bytes, p.nonce)
	binary.BigEndian.PutUint64(p.bytes[len(p.bytes)-8:], p.nonce)
}

func (p *payload) check(resp []byte) error {
	if len(resp) != len(p.bytes) {
		return fmt.Errorf("answer of %d bytes to a request of %d", len(resp), len(p.bytes))
	}
	first, last := binary.BigEndian.Uint64(resp), binary.BigEndian.Uint64(resp[len(resp)-8:])
	if first != p.nonce || last != p.nonce {
		return fmt.Errorf("answer to another request: nonces %x and %x, want %x", first, last, p.nonce)
	}
	if p.whole > 0 {
		p.whole--
		if !bytes.Equal(resp, p.bytes) {
			return errors.New("the answer's bytes are not the request's")
		}
	}
	return nil
}
