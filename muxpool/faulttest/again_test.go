package faulttest_test

import (
	"errors"
	"math/bits"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// The stories of this file are about peers that do the same thing over and over.

// hangsUp is told of a peer that ends each connection without an answer: the attempts
// are bounded, the node is given up, and it is not called ready by each connect.
func hangsUp(w *world.World, during time.Duration) {
	stop := w.Retry(16, time.Millisecond, 100*time.Millisecond)
	w.Until(2*time.Second, "NodeExpelled", func() bool { return len(w.Heard(muxpool.NodeExpelled)) > 0 })
	before, start := w.Victim.Stats().Accepted, time.Now()
	time.Sleep(during)
	stop()
	during = time.Since(start)
	// One of the two may rest without having used its attempts up.
	if n := len(w.Heard(muxpool.ReconnectLimit)); n < 1 || n > 2 {
		w.Errorf("ReconnectLimit was told %d times of 2 connections", n)
	}
	if n := len(w.Heard(muxpool.NodeReady)); n > 1 {
		w.Errorf("told as ready %d times, and nothing was answered", n)
	}
	// One connect in 25 ms on average, and the second connection after each rest.
	if n := w.Victim.Stats().Accepted - before; n > int(during/(10*time.Millisecond)) {
		w.Errorf("%d connections in %v after the node was given up", n, during)
	}
	w.Victim.OnAccept(nil)
	w.Victim.Do(muxtest.Echo)
	w.Recovers(time.Second)
	w.Until(time.Second, "NodeReady", func() bool { return last(w, muxpool.NodeReady, muxpool.NodeExpelled) == muxpool.NodeReady })
	w.TwoConns() // what was held against the second is forgiven
}

// last is which of two kinds was told last.
func last(w *world.World, a, b muxpool.EventKind) (kind muxpool.EventKind) {
	for _, e := range w.Heard(0) {
		if e.Kind == a || e.Kind == b {
			kind = e.Kind
		}
	}
	return kind
}

// during is for how long a peer goes on: exact and long in memory, short in real time.
func during(w *world.World) time.Duration {
	if w.RealTime() {
		return 500 * time.Millisecond
	}
	return 5 * time.Second
}

func TestFault_AcceptAndHangUp(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		w.Victim.OnAccept(func(c *muxtest.Conn) { c.Close() })
		hangsUp(w, during(w))
	})
}

// TestFault_SaysSomethingAndHangsUp: a greeting, or that there is no room, is no answer to anybody.
func TestFault_SaysSomethingAndHangsUp(t *testing.T) {
	for name, said := range map[string]muxtest.Frame{
		"unsolicited":         {Kind: muxtest.Push},
		"an answer to nobody": {Kind: muxtest.Answer},
		"a keepalive unasked": {Kind: muxtest.Pong},
	} {
		t.Run(name, func(t *testing.T) {
			world.Both(t, world.Setup{Parser: world.Spaced{IDs: muxtest.IDs31}}, func(w *world.World) { // 0 is nobody's id
				w.Victim.OnAccept(func(c *muxtest.Conn) {
					c.Send(said)
					c.Close()
				})
				hangsUp(w, during(w))
			})
		})
	}
}

func TestFault_GoesAwayAndClosesEachConnection(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Classified{}}, func(w *world.World) {
		w.Victim.OnAccept(func(c *muxtest.Conn) { c.Send(muxtest.Frame{Kind: muxtest.GoAway}) })
		w.Victim.Do(muxtest.Close)
		hangsUp(w, during(w))
	})
}

// TestFault_KeepsOneConnection: a peer that keeps one connection of each client, and
// closes the second, or says that it goes away: the calls go on, and hardly anything is
// dialed.
func TestFault_KeepsOneConnection(t *testing.T) {
	for name, end := range map[string]func(*muxtest.Conn){
		"closes":    func(c *muxtest.Conn) { c.Close() },
		"goes away": func(c *muxtest.Conn) { c.Send(muxtest.Frame{Kind: muxtest.GoAway}) },
	} {
		t.Run(name, func(t *testing.T) {
			world.Both(t, world.Setup{Parser: world.Classified{}}, func(w *world.World) {
				first := make(chan bool, 1)
				var mu sync.Mutex
				var conns []*muxtest.Conn
				w.Victim.OnAccept(func(c *muxtest.Conn) {
					mu.Lock()
					conns = append(conns, c)
					mu.Unlock()
					select {
					case first <- true:
					default:
						end(c)
					}
				})
				lost, start := 0, time.Now()
				for range 1000 {
					if err := w.Call(); errors.Is(err, muxpool.ErrConnLost) {
						lost++
					} else if err != nil {
						w.Fatal(err)
					}
				}
				n := w.Victim.Stats().Accepted
				if lost >= n { // calls come one after the other: each connection but the first takes one with it at most
					w.Errorf("%d calls were lost with %d connections", lost, n-1)
				}
				// A call that was there before the word that its connection goes away is answered, and that is proof: the
				// node is dialed again at once. The others are the first, the attempts of WithReconnect, and its rests, of
				// which each is twice as long as the one before.
				mu.Lock()
				defer mu.Unlock()
				unproven := 1
				for _, c := range conns[1:] {
					if c.Received() == 0 {
						unproven++
					}
				}
				if took := time.Since(start); unproven > 12+bits.Len(uint(took/time.Second)) {
					w.Errorf("%d connections without an answer, of %d for 1000 calls in %v", unproven, n, took)
				}
				if n := len(w.Heard(muxpool.NodeExpelled)); n > 0 {
					w.Errorf("expelled %d times, though one connection works", n)
				}
			})
		})
	}
}

// TestFault_GracefulStopThenRefused: a peer that has said that it goes away, or has
// closed its idle connections, and is back in a moment, gets the patience that one gets
// that has crashed.
func TestFault_GracefulStopThenRefused(t *testing.T) {
	for name, stop := range map[string]func(*world.World){
		"goes away": func(w *world.World) {
			for _, c := range w.Victim.Conns() {
				c.Send(muxtest.Frame{Kind: muxtest.GoAway})
			}
		},
		"closes": func(w *world.World) { w.Victim.CloseConns() },
	} {
		t.Run(name, func(t *testing.T) {
			opts := []muxpool.PoolOption{muxpool.WithReconnect(10, 50*time.Millisecond, 400*time.Millisecond)}
			world.Both(t, world.Setup{Parser: world.Classified{}, Opts: opts}, func(w *world.World) {
				w.Prove()
				stop(w)
				w.Until(time.Second, "the connections end", func() bool { return len(w.Node().Conns) == 0 })
				w.Victim.Down()
				calls := w.Calls(16, 5*time.Second)
				w.Until(time.Second, "a refusal", func() bool { return len(w.Heard(muxpool.DialFailed)) > 0 })
				time.Sleep(10 * time.Millisecond)
				if err := w.Victim.Up(); err != nil {
					w.Fatal(err)
				}
				if failed := calls.Land(); len(failed) > 0 {
					w.Errorf("%d of 16 calls failed: %v", len(failed), failed[0])
				}
				if n := len(w.Heard(muxpool.NodeExpelled)); n > 0 {
					w.Errorf("expelled %d times", n)
				}
			})
		})
	}
}

// TestFault_GracefulStopThenGone: that patience has the same end.
func TestFault_GracefulStopThenGone(t *testing.T) {
	world.Both(t, world.Setup{}, func(w *world.World) {
		w.Prove()
		w.Victim.Down()
		w.Until(time.Second, "the connections end", func() bool { return len(w.Node().Conns) == 0 })
		w.Within(time.Second, "the end of the patience", func() {
			err := w.CallFor(w.Allowed(5 * time.Second))
			w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false)
			if !errors.Is(err, muxpool.ErrReconnectLimit) || !errors.Is(err, syscall.ECONNREFUSED) {
				w.Errorf("causes are missing in %v", err)
			}
		})
		w.Within(5*time.Millisecond, "the next call", func() {
			w.WantError(w.Call(), muxpool.ErrConnectionsHaveBeenExpelled, false)
		})
	})
}

// TestFault_GrownConnectionsReset: connections beyond WithConnectNumber that are reset
// with their calls are not redialed unasked, whether they have answered before or not.
func TestFault_GrownConnectionsReset(t *testing.T) {
	opts := []muxpool.PoolOption{muxpool.WithConnectNumber(1), muxpool.WithMaxVirConnsPerConn(1), muxpool.WithMaxIdleConnsPerHost(1)}
	for name, answers := range map[string]int{"proven": 1, "unproven": 0} {
		t.Run(name, func(t *testing.T) {
			world.Both(t, world.Setup{Opts: opts}, func(w *world.World) {
				hold := w.Hold()
				w.Victim.Do(muxtest.First(answers, muxtest.Echo, hold.Do))
				var conns []muxpool.MuxConn
				for range 8 {
					mc := w.Get(w.Context())
					defer mc.Close()
					conns = append(conns, mc)
					for i := range answers + 1 {
						if err := mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Call, ID: mc.VID()})); err != nil {
							w.Fatal(err)
						}
						if i < answers {
							if _, err := mc.Read(); err != nil {
								w.Fatal(err)
							}
						}
					}
				}
				w.Until(time.Second, "8 calls on 8 connections", func() bool { return hold.Len() == 8 && len(w.Node().Conns) == 8 })
				w.Victim.ResetConns()
				w.Victim.Do(muxtest.Echo)
				for _, mc := range conns {
					_, err := mc.Read()
					w.WantError(err, muxpool.ErrConnLost, true)
				}
				w.Recovers(time.Second)
				time.Sleep(during(w))
				// One that has answered may be dialed again beside the one that the call has had made.
				if n := w.Victim.Stats().Accepted; n < 9 || n > 9+answers {
					w.Errorf("%d connections were made after 8 were reset, want %d", n-8, 1+answers)
				}
				if err := w.Call(); err != nil { // behind it what nobody uses is closed
					w.Error(err)
				}
				w.Until(time.Second, "one connection is left", func() bool { return w.Victim.Stats().Open == 1 })
			})
		})
	}
}
