package transport_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestConnectionIsSmallAgainAfterABurst: what a burst of pipelined requests took is given
// back when nothing more comes.
func TestConnectionIsSmallAgainAfterABurst(t *testing.T) {
	const conns, calls = 20, 4000
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	dial := func() (all [conns]net.Conn) {
		for i := range all {
			nc, err := net.Dial("tcp", s.node.Address)
			if err != nil {
				t.Fatal(err)
			}
			all[i] = nc
			exchange(t, nc, 1)
		}
		return all
	}
	burst := func(all [conns]net.Conn) {
		var bursts sync.WaitGroup
		for _, nc := range all {
			bursts.Go(func() { exchange(t, nc, calls) })
		}
		bursts.Wait()
	}
	first := dial()
	burst(first) // the runtime keeps something for goroutines that there have been
	for _, nc := range first {
		nc.Close()
	}
	for begin := time.Now(); s.Stats().Conns > 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > waitTime {
			t.Fatalf("%d connections are not closed", s.Stats().Conns)
		}
	}
	before := heap()
	all := dial()
	fresh := (heap() - before) / conns
	burst(all)
	// No event tells that a connection has become small.
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		after := (heap() - before) / conns
		if after <= fresh+32<<10 {
			break
		}
		if time.Since(start) > waitTime {
			t.Fatalf("a connection holds %d bytes after a burst and a pause, a fresh one %d", after, fresh)
		}
	}
	for _, nc := range all {
		exchange(t, nc, 100)
		nc.Close()
	}
}

// TestSlowCallsOfABurstLeaveNothing: nor does a burst whose answers come later than its
// memory is first given back.
func TestSlowCallsOfABurstLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conns, calls = 10, 2000
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			time.Sleep(3 * time.Second)
			return r, nil
		})})
		defer stop()
		grown := func() int64 {
			all := make([]net.Conn, conns)
			for i := range all {
				all[i] = p.dial(t)
				defer all[i].Close()
				exchange(t, all[i], 1)
			}
			time.Sleep(10 * time.Second)
			before := heap()
			for _, nc := range all {
				exchange(t, nc, calls)
			}
			time.Sleep(10 * time.Second)
			return (heap() - before) / conns
		}
		grown() // the runtime keeps something for goroutines that there have been
		if n := grown(); n > 32<<10 {
			t.Errorf("a connection has grown by %d bytes", n)
		}
	})
}

// exchange pipelines n requests and reads the answers.
func exchange(t *testing.T, nc net.Conn, n int) {
	go func() { _, _ = nc.Write(batch(t, n, "M")) }()
	for range n {
		if _, err := readAnswer(nc); err != nil {
			t.Error(err)
			return
		}
	}
}

// other are frames that are no calls.
var other = map[string][]byte{
	"pings":              native.Protocol{}.AppendKeepAlive(nil, 5),
	"cancels of nothing": native.Protocol{}.AppendCancel(nil, 5),
	"unknown kinds":      {0, 0, 0, 12, 2, 15, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0},
}

// chatter writes frame each 100 ms until that fails.
func chatter(nc net.Conn, frame []byte) {
	for {
		if _, err := nc.Write(frame); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond) // of bubble time
	}
}

// TestOnlyCallsKeepAConnection: whatever else comes, a connection without calls is idle,
// and goes away; a call that is under way keeps it.
func TestOnlyCallsKeepAConnection(t *testing.T) {
	for name, frame := range other {
		synctest.Test(t, func(t *testing.T) {
			p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
				time.Sleep(100 * time.Second)
				return r, nil
			})})
			defer stop()
			nc := p.dial(t)
			answers := readAll(nc)
			if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			go chatter(nc, frame)
			ended, told := time.Duration(0), time.Duration(0)
			for a := range answers {
				switch at := time.Since(start); {
				case a.id == 1:
					ended = at
				case a.kind == 7:
					told = at
				}
			}
			closed := time.Since(start)
			if ended != 100*time.Second || told-ended != time.Minute || closed-told < time.Second || closed-told > time.Second+5*time.Millisecond {
				t.Errorf("%s: answered after %v, told after %v, closed after %v", name, ended, told, closed)
			}
			time.Sleep(time.Second) // of the bubble's, for chatter to notice
		})
	}
}

// TestShutdownDoesNotWaitForChatter: strangers that send no calls hold up nothing.
func TestShutdownDoesNotWaitForChatter(t *testing.T) {
	for name, frame := range other {
		synctest.Test(t, func(t *testing.T) {
			p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
			defer stop()
			nc := p.dial(t)
			go func() {
				for range readAll(nc) {
				}
			}()
			go chatter(nc, frame)
			time.Sleep(time.Second)
			start := time.Now()
			if err := s.Shutdown(context.Background()); err != nil || time.Since(start) > 2*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
			time.Sleep(time.Second) // of the bubble's, for chatter to notice
		})
	}
}

// TestHalfClosedClientGetsItsAnswers: a client that sends its requests and closes its
// side, as nc -N does, gets all the answers; then the connection ends.
func TestHalfClosedClientGetsItsAnswers(t *testing.T) {
	for name, options := range map[string][]transport.ServiceOption{"default": nil, "workers": {transport.ServiceWorkers(2)}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
				time.Sleep(time.Millisecond) // so that some have not begun when the client's side is closed
				return r, nil
			})}, options...)
			for range 20 {
				nc, err := net.Dial("tcp", s.node.Address)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				if _, err := nc.Write(batch(t, 50, "M")); err != nil {
					t.Fatal(err)
				}
				if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				_ = nc.SetReadDeadline(time.Now().Add(waitTime))
				answered := 0
				for {
					a, err := readAnswer(nc)
					if err == io.EOF {
						break
					}
					if err != nil || a.err != nil || a.body != fmt.Sprint(a.id) {
						t.Fatalf("got %+v, %v", a, err)
					}
					answered++
				}
				if answered != 50 {
					t.Errorf("%d of 50 answers came", answered)
				}
			}
		})
	}
}

// TestClientThatLeftIsNotWaitedForLong: a call that does not heed its context keeps the
// connection of a client that left for a while only.
func TestClientThatLeftIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(ctx context.Context, r any) (any, error) {
			<-ctx.Done()
			<-release
			return r, nil
		})})
		defer stop()
		nc := p.dial(t)
		if _, err := nc.Write(request(t, 1, "M", "x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		nc.Close()
		time.Sleep(4 * time.Second)
		if n := s.Stats().Conns; n != 1 {
			t.Errorf("%d connections after 4 s", n)
		}
		time.Sleep(2 * time.Second)
		if n := s.Stats().Conns; n != 0 {
			t.Errorf("%d connections after 6 s", n)
		}
		close(release)
	})
}
