package transport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

func TestGracefulStopLosesNoAcceptedCall(t *testing.T) {
	var served, answered atomic.Int64
	s := serve(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
		served.Add(1)
		return r, nil
	})})
	pool := newPool(t)
	call := rawClient(pool, s.node, "M")
	var callers sync.WaitGroup
	busy := make(chan struct{}, 64)
	for i := range 64 {
		callers.Go(func() {
			for n := 0; ; n++ {
				nonce := fmt.Sprintf("%d-%d", i, n)
				got, err := call(testContext(t), []byte(nonce))
				if n == 10 {
					busy <- struct{}{}
				}
				if err != nil {
					if asError(t, err).Sent() {
						t.Errorf("a call that was sent failed: %v", err)
					}
					return
				}
				answered.Add(1)
				if string(got.([]byte)) != nonce {
					t.Errorf("got %s, want %s", got, nonce)
				}
			}
		})
	}
	for range 64 {
		wait(t, "the load", busy)
	}
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Error(err)
	}
	bounded.Wait(t, callers.Wait)
	if served.Load() != answered.Load() {
		t.Errorf("%d calls were served, %d answered", served.Load(), answered.Load())
	}
}

func TestShutdownWaitsForCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			time.Sleep(time.Minute)
			return r, nil
		})})
		defer stop()
		nc := p.dial(t)
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start, done := time.Now(), make(chan error, 1)
		go func() { done <- s.Shutdown(context.Background()) }()
		if a, err := readAnswer(nc); err != nil || a.kind != 7 {
			t.Errorf("got %+v, %v, not a going-away", a, err)
		}
		if a, err := readAnswer(nc); err != nil || a.body != "x" {
			t.Errorf("got %+v, %v", a, err)
		}
		nc.Close() // as a client does that was told to
		if err := bounded.Receive(t, done); err != nil || time.Since(start) != time.Minute {
			t.Errorf("Shutdown returned %v after %v", err, time.Since(start))
		}
	})
}

func TestShutdownStopsHardWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return r, nil
		})})
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		answers := readAll(nc)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("Shutdown returned %v after %v", err, time.Since(start))
		}
		if err := bounded.Receive(t, ended); err != context.Canceled {
			t.Errorf("the call's context ended with %v", err)
		}
		for range answers { // until the connection is closed
		}
	})
}

func TestRequestThenDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most, total atomic.Int64
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			total.Add(1)
			left := time.Now()
			<-ctx.Done()
			if late := time.Since(left); late > 100*time.Millisecond {
				t.Errorf("the context ended %v after the client left", late)
			}
			return r, nil
		})}, transport.ServiceMaxInFlight(0, 100))
		defer stop()
		for i := range 10_000 {
			nc := p.dial(t)
			if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 {
				synctest.Wait() // this one's handler runs when the client leaves
			}
			nc.Close()
		}
		synctest.Wait()
		if running.Load() != 0 || most.Load() > 100 || total.Load() < 1000 {
			t.Errorf("%d are running, %d were at most, %d in all", running.Load(), most.Load(), total.Load())
		}
	})
}

func TestClientThatNeverReadsIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, queued = 64 << 10, 1 << 20
		var sent, failed atomic.Int64
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(
			func(context.Context, any) (any, error) { return make([]byte, size), nil },
			transport.ServerFinalizer(func(_ context.Context, err error) {
				if err == nil {
					sent.Add(1)
				} else {
					failed.Add(1)
				}
			}))}, transport.ServiceMaxQueuedBytes(queued))
		defer stop()
		nc := p.dial(t)
		for id := range uint32(200) {
			if _, err := nc.Write(request(t, id+1, "M", "x")); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		synctest.Wait()
		// One batch is being written, one waits.
		if n := sent.Load() * size; n > 2*queued+2*size {
			t.Errorf("%d bytes of answers are queued, %d are allowed", n, queued)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		if sent.Load()+failed.Load() != 200 || failed.Load() == 0 {
			t.Errorf("%v later: %d calls were answered, %d failed", time.Since(start), sent.Load(), failed.Load())
		}
		closesAfter(t, nc, 0)
	})
}

func TestAnswerOverTheLimitIsRefusedUnwritten(t *testing.T) {
	handled := make(chan error, 1)
	s := serve(t, map[string]*transport.Server{
		"Big": rawServer(func(context.Context, any) (any, error) { return make([]byte, 1<<20), nil },
			transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { handled <- err }))),
		"M": rawServer(echo),
	}, transport.ServiceMaxFrameSize(64<<10))
	pool := newPool(t)
	_, err := rawClient(pool, s.node, "Big")(testContext(t), []byte{})
	if e := asError(t, err); e.Code != transport.CodeTooLarge || !e.Remote {
		t.Errorf("got %v", err)
	}
	if err := wait(t, "the error handler", handled); !strings.Contains(err.Error(), "1048") {
		t.Errorf("the error handler got %v", err)
	}
	if _, err := rawClient(pool, s.node, "M")(testContext(t), []byte{}); err != nil {
		t.Errorf("after it: %v", err)
	}
	if n := pool.Stats().Dials; n > 2 {
		t.Errorf("%d dials: the connection was not kept", n)
	}
}

func TestReportsAreQuotedCutAndLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var texts []string
		p, _, stop := servePipes(t, nil, transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
			func(_ context.Context, err error) {
				mu.Lock()
				defer mu.Unlock()
				texts = append(texts, err.Error())
			})))
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		evil := "break\r\nout\x1b[31m\u202e" + strings.Repeat("x", 60_000)
		for id := range uint32(1000) {
			if _, err := nc.Write(request(t, id+1, evil, "")); err != nil {
				t.Fatal(err)
			}
			bounded.Receive(t, answers)
		}
		time.Sleep(time.Second)
		if _, err := nc.Write(request(t, 1, evil, "")); err != nil {
			t.Fatal(err)
		}
		bounded.Receive(t, answers)
		nc.Close()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(texts) > 12 || !strings.Contains(texts[len(texts)-1], "990 more") {
			t.Errorf("%d reports, the last is %s", len(texts), texts[len(texts)-1])
		}
		for _, text := range texts {
			if len(text) > 4096 || strings.ContainsAny(text, "\r\n\x1b\u202e") {
				t.Errorf("not fit for a log: %.200q", text)
			}
		}
	})
}
