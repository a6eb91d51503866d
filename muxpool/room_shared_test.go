package muxpool_test

import (
	"context"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// steadily reads at a pace that is well above a 32nd of an inbox in 100 ms, and well below
// that of the peer.
func steadily(int) time.Duration { return 40 * time.Millisecond }

// TestSlowStreamBesideOthers: a reader that reads on and on, but more slowly than its frames
// come, holds up the others of its connection for 100 ms, whether they came before it,
// come now, or have been there; then it ends alone.
func TestSlowStreamBesideOthers(t *testing.T) {
	for name, before := range map[string]func(w *world.World){
		"one comes": func(*world.World) {},
		"one was there before it": func(w *world.World) {
			w.Victim.Do(muxtest.First(1, muxtest.Drop, muxtest.First(2, muxtest.Stream(roomFrames), muxtest.Echo)))
			mc := w.Get(context.Background())
			w.Cleanup(mc.Close)
			if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
				w.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			flooded(t, before, func(w *world.World, mc muxpool.MuxConn) {
				read := make(chan error, 1)
				go func() {
					_, err := takeFrames(mc, roomFrames, steadily)
					read <- err
				}()
				time.Sleep(10 * time.Millisecond)
				if took := siblingTook(w); took > 110*time.Millisecond {
					w.Errorf("a sibling took %v, want 100 ms", took)
				}
				if took := siblingTook(w); took > 0 {
					w.Errorf("the next sibling took %v", took)
				}
				w.WantError(<-read, muxpool.ErrRecvQueueFull, true)
				if len(w.Heard(muxpool.ConnDown)) > 0 {
					w.Errorf("the connection ended: %v", w.Heard(0))
				}
			})
		})
	}
}

// TestSlowStreamAfterOneHasLeft: a reader that was alone on its connection is not so any more when somebody
// has come, even if he has left before it reads on: what it takes then gives it no time back.
func TestSlowStreamAfterOneHasLeft(t *testing.T) {
	flooded(t, func(*world.World) {}, func(w *world.World, mc muxpool.MuxConn) {
		read := make(chan error, 1)
		go func() {
			_, err := takeFrames(mc, roomFrames, steadily)
			read <- err
		}()
		time.Sleep(10 * time.Millisecond)
		w.WantError(w.CallFor(20*time.Millisecond), context.DeadlineExceeded, true)
		time.Sleep(15 * time.Millisecond) // a frame has been taken meanwhile, with nobody beside it
		if took := siblingTook(w); took != 55*time.Millisecond {
			w.Errorf("a sibling took %v, want the 55 ms that are left of 100", took)
		}
		w.WantError(<-read, muxpool.ErrRecvQueueFull, true)
	})
}

// flooded tells a story of one connection on which a call gets an answer of roomFrames
// frames, as fast as they are taken, after what was done before.
func flooded(t *testing.T, before func(*world.World), story func(*world.World, muxpool.MuxConn)) {
	t.Helper()
	flood := muxtest.First(1, muxtest.Stream(roomFrames), muxtest.Echo)
	opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(roomLimit)}, world.OneConn...)
	world.InBubble(t, world.Setup{Parser: world.Alive{}, Act: flood, Opts: opts}, func(w *world.World) {
		before(w)
		mc := w.Get(context.Background())
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, roomFrame)))); err != nil {
			w.Fatal(err)
		}
		story(w, mc)
	})
}

// TestGatheredAnswerWaitsUnread: whose reader keeps the whole answer in memory has it wait
// there, and holds up nobody, however slowly it reads.
func TestGatheredAnswerWaitsUnread(t *testing.T) {
	flooded(t, func(*world.World) {}, func(w *world.World, mc muxpool.MuxConn) {
		mc.(interface{ Gather() }).Gather()
		read := make(chan error, 1)
		go func() {
			_, err := takeFrames(mc, roomFrames, steadily)
			read <- err
		}()
		for range 10 {
			if took := siblingTook(w); took > 0 {
				w.Errorf("a sibling took %v", took)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err := <-read; err != nil {
			w.Error(err)
		}
	})
}

// TestRoomComesBackWithTime: a stream beside others whose reader pauses now and then: the
// 100 ms that it is waited for come back at a 32nd of the pace at which it was spent.
func TestRoomComesBackWithTime(t *testing.T) {
	const (
		pause = 90 * time.Millisecond
		lead  = time.Millisecond     // before the first burst: then another call has come
		begun = 5 * time.Millisecond // a burst
	)
	for gap, want := range map[time.Duration]time.Duration{
		3 * time.Second: pause,
		time.Second:     100*time.Millisecond - pause + time.Second/32,
	} {
		t.Run(gap.String(), func(t *testing.T) {
			bursts := muxtest.First(1, func(c *muxtest.Conn, f muxtest.Frame) {
				more := muxtest.Frame{Kind: muxtest.More, ID: f.ID, Nonce: f.Nonce, Body: f.Body}
				burst := func() {
					for range roomFrames {
						c.Send(more)
					}
				}
				time.AfterFunc(lead, func() {
					burst()
					time.AfterFunc(gap, burst)
				})
			}, muxtest.Echo)
			opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(roomLimit)}, world.OneConn...)
			world.InBubble(t, world.Setup{Parser: world.Alive{}, Act: bursts, Opts: opts}, func(w *world.World) {
				mc := w.Get(context.Background())
				defer mc.Close()
				if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, roomFrame)))); err != nil {
					w.Fatal(err)
				}
				read := make(chan error, 1)
				go func() {
					_, err := takeFrames(mc, 2*roomFrames, func(i int) time.Duration {
						if i%roomFrames == 1 {
							return pause
						}
						return 0
					})
					read <- err
				}()
				siblingTook(w)
				time.Sleep(lead + begun)
				if took := siblingTook(w) + begun; took != pause {
					w.Errorf("a sibling took %v, want %v", took, pause)
				}
				time.Sleep(gap + begun)
				took, err := siblingTook(w)+begun, <-read
				if took < want-time.Millisecond || took > want+time.Millisecond || (err == nil) != (want == pause) {
					w.Errorf("after %v a sibling took %v, want %v; the stream ended with %v", gap, took, want, err)
				}
			})
		})
	}
}

// TestRoomAfterAWaitThatWasUsedUp: a reader that has taken too little while it was waited for, but
// something, goes on, and is waited for again seconds later. What has passed between is no wait; it gives back what was spent.
func TestRoomAfterAWaitThatWasUsedUp(t *testing.T) {
	for name, siblings := range map[string]int{"alone": 0, "beside others": 1} {
		t.Run(name, func(t *testing.T) {
			bursts := muxtest.First(1, func(c *muxtest.Conn, f muxtest.Frame) {
				burst := func(n int) func() {
					return func() {
						for range n {
							c.Send(muxtest.Frame{Kind: muxtest.More, ID: f.ID, Nonce: f.Nonce, Body: f.Body})
						}
					}
				}
				time.AfterFunc(time.Millisecond, burst(5))
				time.AfterFunc(3*time.Second, burst(2))
			}, muxtest.Echo)
			opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(4 * (roomFrame + muxtest.HeaderLen))}, world.OneConn...)
			world.InBubble(t, world.Setup{Parser: world.Alive{}, Act: bursts, Opts: opts}, func(w *world.World) {
				mc := w.Get(context.Background())
				defer mc.Close()
				if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, roomFrame)))); err != nil {
					w.Fatal(err)
				}
				for range siblings {
					siblingTook(w)
				}
				begin := time.Now()
				n, err := takeFrames(mc, 7, func(i int) time.Duration {
					at := []time.Duration{51 * time.Millisecond, 2 * time.Second, 3050 * time.Millisecond}
					return at[min(i, 2)] - time.Since(begin)
				})
				if err != nil {
					w.Errorf("after %d frames: %v", n, err)
				}
			})
		})
	}
}
