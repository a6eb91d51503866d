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
	const pause = 90 * time.Millisecond
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
				burst()
				time.AfterFunc(gap, burst)
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
				if took := siblingTook(w); took != pause {
					w.Errorf("a sibling took %v, want %v", took, pause)
				}
				const begun = 5 * time.Millisecond // the second burst
				time.Sleep(gap + begun)
				took, err := siblingTook(w)+begun, <-read
				if took < want-time.Millisecond || took > want+time.Millisecond || (err == nil) != (want == pause) {
					w.Errorf("after %v a sibling took %v, want %v; the stream ended with %v", gap, took, want, err)
				}
			})
		})
	}
}
