package muxpool_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestNetworks: every network that GetMuxConn names carries calls.
func TestNetworks(t *testing.T) {
	for network, address := range map[string]string{
		"tcp": "localhost:0", "tcp4": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": filepath.Join(t.TempDir(), "socket"),
		"udp": "localhost:0", "udp4": "127.0.0.1:0", "udp6": "[::1]:0",
	} {
		t.Run(network, func(t *testing.T) {
			muxtest.CheckLeaks(t)
			peer := muxtest.NewPeer(nil)
			defer peer.Close()
			address, err := peer.Listen(network, address, nil)
			if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
				t.Skip("needs IPv6: ", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			pool, err := muxpool.New(world.Settings(world.Unhurried()...)...)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			c := muxtest.NewCaller(pool, network, address, muxtest.Parser{})
			mc, err := c.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer mc.Close()
			if err := muxtest.Exchange(mc, []byte(network)); err != nil {
				t.Error(err)
			}
			if mc.RemoteAddr().String() != address {
				t.Errorf("the remote address is %v, want %s", mc.RemoteAddr(), address)
			}
		})
	}
}

func TestHandshake(t *testing.T) {
	world.Both(t, world.Setup{Parser: world.Greeted{}}, func(w *world.World) {
		if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
			w.Error(failed[0])
		}
		w.Until(time.Second, "one greeting for each of two connections", func() bool {
			s := w.Victim.Stats()
			return s.Accepted == 2 && s.Frames == s.Calls+s.Accepted
		})
	})
	refuses := func(c *muxtest.Conn, f muxtest.Frame) {
		if f.Kind == muxtest.Hello {
			c.Send(muxtest.Frame{Kind: muxtest.Push})
		}
	}
	t.Run("refused", func(t *testing.T) {
		world.InBubble(t, world.Setup{Parser: world.Greeted{}, Act: refuses}, func(w *world.World) {
			err := w.Call()
			if w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false); !errors.Is(err, muxtest.ErrMalformed) {
				w.Errorf("no cause in %v", err)
			}
			w.Until(time.Second, "the event", func() bool { return len(w.Heard(muxpool.DialFailed)) > 0 })
			if e := w.Heard(muxpool.DialFailed)[0]; e.Reason != muxpool.ReasonHandshakeFailed {
				w.Error(e)
			}
			w.Until(time.Second, "the refused connections are closed", func() bool { return w.Victim.Stats().Open == 0 })
		})
	})
}

// TestStreams: several frames answer one, in order, on as many MuxConns as there
// are.
func TestStreams(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"kinds": world.Classified{}, "no kinds": muxtest.Parser{}} {
		t.Run(name, func(t *testing.T) {
			numbered := func(c *muxtest.Conn, f muxtest.Frame) {
				for i := range byte(20) {
					kind := muxtest.More
					if i == 19 {
						kind = muxtest.Answer
					}
					c.Send(muxtest.Frame{Kind: kind, ID: f.ID, Nonce: f.Nonce, Body: []byte{i}})
				}
			}
			world.Both(t, world.Setup{Parser: parser, Act: numbered, Alone: true}, func(w *world.World) {
				var f world.Flight
				for range 50 {
					mc := w.Get(context.Background())
					f.WG.Go(func() {
						defer mc.Close()
						for range 3 { // requests on one MuxConn
							call := muxtest.NewCall(mc, nil)
							if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
								w.Error(err)
								return
							}
							for i := range byte(20) {
								call.Body = []byte{i}
								if err := muxtest.Expect(mc, call); err != nil {
									w.Error(err)
									return
								}
							}
						}
					})
				}
				f.Land()
			})
		})
	}
}

// TestSlowAnswer: an answer that takes its time is no black hole, as long as its
// caller has it.
func TestSlowAnswer(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"keepalive": world.Alive{}, "no keepalive": muxtest.Parser{}} {
		t.Run(name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: parser, Act: muxtest.Calls(muxtest.Delay(time.Minute))}, func(w *world.World) {
				if failed := w.Calls(10, 2*time.Minute).Land(); len(failed) > 0 {
					w.Error(failed[0])
				}
				if s := w.Victim.Stats(); s.Accepted != 2 {
					w.Errorf("%d connections, want the first two", s.Accepted)
				}
			})
		})
	}
}

// TestSlowAnswersOfSome: calls that time out do not end a connection that
// answers others.
func TestSlowAnswersOfSome(t *testing.T) {
	some := muxtest.Chaos(1, muxtest.Choice{Weight: 1, Do: muxtest.Drop}, muxtest.Choice{Weight: 1, Do: muxtest.Echo})
	world.InBubble(t, world.Setup{Act: some}, func(w *world.World) {
		stop := w.Retry(8, 10*time.Millisecond, 200*time.Millisecond)
		time.Sleep(10 * time.Second) // of bubble time
		stop()
		if s := w.Victim.Stats(); s.Accepted != 2 {
			w.Errorf("%d connections, want the first two", s.Accepted)
		}
	})
}

// TestGrowAndShrink: a node whose connections are full opens more, and closes
// those that are idle beyond what it may keep.
func TestGrowAndShrink(t *testing.T) {
	opts := []muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(5), muxpool.WithMaxIdleConnsPerHost(3), muxpool.WithMaxConnsPerHost(8)}
	world.InBubble(t, world.Setup{Opts: opts}, func(w *world.World) {
		hold := w.Hold()
		calls := w.Calls(100, time.Minute)
		w.Until(time.Second, "8 connections with 5 calls each", func() bool { return hold.Len() == 40 })
		if s := w.Victim.Stats(); s.Open != 8 {
			w.Errorf("%d connections, want 8", s.Open)
		}
		w.Victim.Do(muxtest.Echo)
		hold.Release(nil)
		if failed := calls.Land(); len(failed) > 0 {
			w.Error(failed[0])
		}
		w.Until(time.Second, "3 connections", func() bool { return w.Victim.Stats().Open == 3 })
		if failed := w.Calls(100, time.Second).Land(); len(failed) > 0 {
			w.Error(failed[0])
		}
	})
}

// TestShrinksToWhatItMayKeep: connections whose last calls end at the same time are not all taken for the one too many.
func TestShrinksToWhatItMayKeep(t *testing.T) {
	opts := []muxpool.PoolOption{muxpool.WithConnectNumber(1), muxpool.WithMaxVirConnsPerConn(1), muxpool.WithMaxIdleConnsPerHost(3), muxpool.WithMaxConnsPerHost(8)}
	world.InBubble(t, world.Setup{Opts: opts}, func(w *world.World) {
		for range 200 {
			hold := w.Hold()
			calls := w.Calls(8, time.Minute)
			w.Until(time.Second, "8 calls on 8 connections", func() bool { return hold.Len() == 8 })
			w.Victim.Do(muxtest.Echo)
			hold.Release(nil)
			if failed := calls.Land(); len(failed) > 0 {
				w.Fatal(failed[0])
			}
			w.Settle()
			if n := w.Victim.Stats().Open; n != 3 {
				w.Fatalf("%d connections, want 3", n)
			}
		}
	})
}

// TestEvents: listeners hear of a node's life in order, may call the pool, and
// hear nothing after cancel.
func TestEvents(t *testing.T) {
	world.InBubble(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		var kinds []muxpool.EventKind
		cancel := w.Pool.Subscribe(func(e muxpool.Event) {
			if e.Node == w.Caller.Node {
				w.Pool.Stats()
				kinds = append(kinds, e.Kind)
			}
		})
		if err := w.Call(); err != nil {
			w.Fatal(err)
		}
		w.Victim.Do(muxtest.Reset)
		w.Call()
		w.Victim.Down()
		w.Until(2*time.Second, "NodeExpelled", func() bool { return len(w.Heard(muxpool.NodeExpelled)) == 1 })
		w.Victim.Do(muxtest.Echo)
		if err := w.Victim.Up(); err != nil {
			w.Fatal(err)
		}
		w.Recovers(time.Second)
		w.Settle()
		cancel()
		n := len(kinds)
		w.Victim.CloseConns()
		w.Settle()
		if len(kinds) != n {
			w.Error("an event after cancel")
		}
		for i := 1; i < n; i++ {
			if kinds[i] == muxpool.NodeReady && kinds[i-1] != muxpool.ConnUp {
				w.Errorf("NodeReady behind %v: %v", kinds[i-1], kinds)
			}
		}
		if n < 8 || kinds[0] != muxpool.ConnUp || kinds[1] != muxpool.NodeReady || kinds[2] != muxpool.ConnDown || kinds[n-1] != muxpool.NodeReady {
			w.Errorf("events: %v", kinds)
		}
	})
}

// TestStreamIsOneAnswer: many frames both ways, in a protocol that tells the last one. With
// WithStream that one ends the stream and frees the id; without, the id waits for an answer
// to each frame.
func TestStreamIsOneAnswer(t *testing.T) {
	const frames = 5
	act := func(c *muxtest.Conn, f muxtest.Frame) {
		f.Kind = muxtest.More
		_ = c.Send(f)
		if c.Received()%frames == 0 {
			_ = c.Send(f)
			f.Kind = muxtest.Answer
			_ = c.Send(f)
			_ = c.Send(f) // once too often
		}
	}
	for _, stream := range []bool{true, false} {
		t.Run(fmt.Sprint(stream), func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: world.Classified{}, Act: act, Opts: world.OneConn}, func(w *world.World) {
				if stream {
					w.Caller.Opts.WithStream()
				}
				mc := w.Get(context.Background())
				for range frames {
					if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
						w.Fatal(err)
					}
				}
				want := frames + 2 // the second last one is nobody's
				if !stream {
					want++ // it answers the second frame
				}
				for range want {
					if _, err := mc.Read(); err != nil {
						w.Fatal(err)
					}
				}
				w.Settle()
				mc.Close()
				reserved, duplicate := 0, uint64(1)
				if !stream {
					reserved, duplicate = 1, 0
				}
				if s := w.Node(); world.Reserved(s) != reserved || s.Duplicate != duplicate {
					w.Errorf("%d ids are reserved, %d duplicates, want %d, %d", world.Reserved(s), s.Duplicate, reserved, duplicate)
				}
			})
		})
	}
}
