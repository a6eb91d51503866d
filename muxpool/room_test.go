package muxpool_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

const (
	roomFrame  = 16 << 10
	roomFrames = 200
	roomLimit  = 20 * (roomFrame + muxtest.HeaderLen) // of the unread
)

// rooms tells a story of one connection on which the first call gets an answer of
// roomFrames frames, or, if each is parts times as short, as many more, as fast as they
// are taken, and later ones an echo.
func rooms(t *testing.T, parts int, story func(w *world.World, mc muxpool.MuxConn)) {
	t.Helper()
	flood := muxtest.First(1, muxtest.Stream(parts*roomFrames), muxtest.Echo)
	opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(roomLimit)}, world.OneConn...)
	world.InBubble(t, world.Setup{Parser: world.Alive{}, Act: flood, Opts: opts}, func(w *world.World) {
		mc := w.Get(context.Background())
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, (roomFrame+muxtest.HeaderLen)/parts-muxtest.HeaderLen)))); err != nil {
			w.Fatal(err)
		}
		story(w, mc)
	})
}

// siblingTook makes a call on the same connection and returns how long it took.
func siblingTook(w *world.World) time.Duration {
	w.Helper()
	start := time.Now()
	if err := w.CallFor(10 * time.Second); err != nil {
		w.Fatal("a sibling: ", err)
	}
	return time.Since(start)
}

// takeFrames reads frames, each after a pause, until there is an error or there are n.
func takeFrames(mc muxpool.MuxConn, n int, pause func(i int) time.Duration) (got int, err error) {
	for ; got < n; got++ {
		time.Sleep(pause(got))
		frame, err := mc.Read()
		if err != nil {
			return got, err
		}
		muxpool.Release(frame)
	}
	return got, nil
}

func none(int) time.Duration { return 0 }

// TestRoomIsWaitedFor: a reader that is behind gets the whole answer, ten times as large
// as what may wait unread: after one long pause, and, if it keeps on reading, after
// pauses that are much longer together.
func TestRoomIsWaitedFor(t *testing.T) {
	for name, pause := range map[string]func(i int) time.Duration{
		"no pause": none,
		"one long pause": func(i int) time.Duration {
			if i == 1 {
				return 90 * time.Millisecond
			}
			return 0
		},
		"steadily, 40 ms a frame": func(i int) time.Duration { return min(time.Duration(i), 1) * 40 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			rooms(t, 1, func(w *world.World, mc muxpool.MuxConn) {
				if n, err := takeFrames(mc, roomFrames, pause); err != nil {
					w.Errorf("after %d frames: %v", n, err)
				}
				if took := siblingTook(w); took > 0 {
					w.Errorf("a sibling behind it took %v", took)
				}
			})
		})
	}
}

// TestSlowReaderEndsAlone: a reader that stops is waited for for 100 ms in all, and one
// that takes too little for as much longer as that is worth. Then its call ends, with the
// reason, and its siblings go on.
func TestSlowReaderEndsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		parts int
		pause time.Duration
		want  time.Duration
	}{
		"never begins":               {1, -1, 100 * time.Millisecond},
		"stops":                      {1, time.Second, 100 * time.Millisecond},
		"a short frame now and then": {16, 30 * time.Millisecond, 150 * time.Millisecond}, // each gives 10 ms back
	} {
		t.Run(name, func(t *testing.T) {
			rooms(t, c.parts, func(w *world.World, mc muxpool.MuxConn) {
				read := make(chan error, 1)
				go func() {
					_, err := takeFrames(mc, c.parts*roomFrames, func(i int) time.Duration {
						if c.pause < 0 {
							return time.Second
						}
						return min(c.pause, time.Duration(i)*c.pause)
					})
					read <- err
				}()
				if took := siblingTook(w); took < 100*time.Millisecond || took > c.want {
					w.Errorf("a sibling took %v, want 100 ms to %v", took, c.want)
				}
				if took := siblingTook(w); took > 0 {
					w.Errorf("the next sibling took %v", took)
				}
				err := <-read
				w.WantError(err, muxpool.ErrRecvQueueFull, true)
				if want := "too little was read within 100ms"; !strings.Contains(err.Error(), want) {
					w.Errorf("%q does not say %q", err, want)
				}
				if len(w.Heard(muxpool.ConnDown)) > 0 || w.Victim.Stats().Dials != 1 {
					w.Errorf("the connection ended: %v", w.Heard(0))
				}
			})
		})
	}
}

// TestRoomOfWhoLeaves: a call that ends while the connection waits for its reader, in
// whatever way, holds up nobody any more.
func TestRoomOfWhoLeaves(t *testing.T) {
	const after = 40 * time.Millisecond
	for name, leave := range map[string]func(w *world.World, mc muxpool.MuxConn, cancel func()){
		"Close": func(_ *world.World, mc muxpool.MuxConn, _ func()) { mc.Close() },
		"cancel": func(_ *world.World, mc muxpool.MuxConn, cancel func()) {
			cancel()
			_, _ = takeFrames(mc, roomFrames, none)
		},
		"the pool's end": func(w *world.World, _ muxpool.MuxConn, _ func()) {
			if err := w.Pool.Close(); err != nil {
				w.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			flood := muxtest.First(1, muxtest.Stream(roomFrames), muxtest.Echo)
			opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(roomLimit)}, world.OneConn...)
			world.InBubble(t, world.Setup{Parser: world.Classified{}, Act: flood, Opts: opts, Alone: true}, func(w *world.World) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				mc := w.Get(ctx)
				defer mc.Close()
				if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, roomFrame)))); err != nil {
					w.Fatal(err)
				}
				if _, err := takeFrames(mc, 1, none); err != nil {
					w.Fatal(err)
				}
				time.AfterFunc(after, func() { leave(w, mc, cancel) })
				start := time.Now()
				err := w.CallFor(10 * time.Second) // behind the flood
				if took := time.Since(start); took != after {
					w.Errorf("a sibling ended after %v, %v, want %v", took, err, after)
				}
				if name != "the pool's end" && err != nil {
					w.Error(err)
				} else if name == "the pool's end" && !errors.Is(err, muxpool.ErrPoolClosed) {
					w.Error(err)
				}
			})
		})
	}
}

// TestRoomIsWaitedForBelowTheKeepAlive: the time is a quarter of the keepalive at most,
// so that no connection dies of a reader.
func TestRoomIsWaitedForBelowTheKeepAlive(t *testing.T) {
	flood := muxtest.First(1, muxtest.Stream(roomFrames), muxtest.Echo)
	opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(roomLimit), muxpool.WithRecvWait(time.Hour),
		muxpool.WithKeepAlive(80 * time.Millisecond)}, world.OneConn...)
	world.InBubble(t, world.Setup{Parser: world.Alive{}, Act: flood, Opts: opts}, func(w *world.World) {
		mc := w.Get(context.Background())
		defer mc.Close()
		if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, make([]byte, roomFrame)))); err != nil {
			w.Fatal(err)
		}
		if _, err := takeFrames(mc, 1, none); err != nil {
			w.Fatal(err)
		}
		if took := siblingTook(w); took != 20*time.Millisecond {
			w.Errorf("a sibling took %v, want 20 ms", took)
		}
		if len(w.Heard(muxpool.ConnDown)) > 0 {
			w.Errorf("the connection ended: %v", w.Heard(0))
		}
	})
}

// TestWritesWhileRoomIsWaitedFor: what a caller writes, whom the read loop has just woken,
// goes out although the read loop waits for somebody else's reader.
func TestWritesWhileRoomIsWaitedFor(t *testing.T) {
	const body = 200
	first := make(chan muxtest.Frame, 1)
	act := func(c *muxtest.Conn, f muxtest.Frame) {
		switch c.Received() {
		case 1:
			first <- f
		case 2: // in one piece: what fills the first call's inbox, an answer, what is too much
			slow := <-first
			slow.Kind, slow.Body = muxtest.More, make([]byte, body)
			more := muxtest.AppendFrame(nil, slow)
			f.Kind = muxtest.Answer
			_, _ = c.Write(slices.Concat(more, more, muxtest.AppendFrame(nil, f), more, more))
		}
	}
	opts := append([]muxpool.PoolOption{muxpool.WithRecvLimit(2 * (body + muxtest.HeaderLen)), muxpool.WithRecvWait(time.Minute),
		muxpool.WithKeepAlive(time.Hour)}, world.OneConn...)
	world.OnSockets(t, world.Setup{Parser: world.Classified{}, Act: act, Opts: opts}, func(w *world.World) {
		slow := w.Get(context.Background())
		defer slow.Close()
		if err := slow.Write(muxtest.AppendFrame(nil, muxtest.NewCall(slow, nil))); err != nil {
			w.Fatal(err)
		}
		w.Until(10*time.Second, "the first call is there", func() bool { return w.Victim.Stats().Calls == 1 })
		sibling := w.Get(context.Background())
		defer sibling.Close()
		if err := muxtest.Exchange(sibling, nil); err != nil {
			w.Fatal(err)
		}
		if err := sibling.Write(muxtest.AppendFrame(nil, muxtest.NewCall(sibling, nil))); err != nil {
			w.Fatal(err)
		}
		w.Until(20*time.Second, "the sibling's next call is there", func() bool { return w.Victim.Stats().Calls == 3 })
	})
}
