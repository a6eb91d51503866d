package muxpool_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// polite answers the peer's Pings, and says goodbye with a GoAway.
type polite struct {
	muxtest.Parser
	muxtest.Kinds
	bad bool // its parts panic
}

func (p polite) ClassifyFrame(vid uint32, frame []byte) muxpool.FrameKind {
	if muxtest.Kind(frame[3]) == muxtest.Ping {
		return muxpool.FrameRequest
	}
	return p.Kinds.ClassifyFrame(vid, frame)
}

func (p polite) AppendAnswer(dst []byte, vid uint32, frame []byte) []byte {
	if p.bad {
		panic("planted")
	}
	f, err := muxtest.DecodeFrame(frame)
	if err != nil || f.Body == nil {
		return dst
	}
	f.Kind = muxtest.Pong
	return muxtest.AppendFrame(dst, f)
}

func (p polite) AppendFarewell(dst []byte) []byte {
	if p.bad {
		panic("planted")
	}
	return muxtest.AppendFrame(dst, muxtest.Frame{Kind: muxtest.GoAway})
}

// heard notes what a peer gets, and answers calls.
type heard struct {
	mu     sync.Mutex // guards frames
	frames []muxtest.Frame
}

func (h *heard) act(ask bool) muxtest.Action {
	return func(c *muxtest.Conn, f muxtest.Frame) {
		if f.Kind == muxtest.Call {
			if ask { // before the answer
				_ = c.Send(muxtest.Frame{Kind: muxtest.Ping, ID: 77, Nonce: f.Nonce, Body: []byte("alive?")})
			}
			_ = c.Reply(f)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		f.Body = bytes.Clone(f.Body)
		h.frames = append(h.frames, f)
	}
}

func (h *heard) all() []muxtest.Frame {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.frames
}

// TestPeersRequestIsAnswered: with its id and its content, though nobody calls, and no call
// hears of it.
func TestPeersRequestIsAnswered(t *testing.T) {
	var h heard
	world.Both(t, world.Setup{Parser: polite{}, Act: func(c *muxtest.Conn, f muxtest.Frame) { h.act(true)(c, f) }, Opts: world.OneConn}, func(w *world.World) {
		h = heard{}
		if err := w.Call(); err != nil {
			w.Fatal(err)
		}
		w.Until(5*time.Second, "the answer at the peer", func() bool { return len(h.all()) == 1 })
		if f := h.all()[0]; f.Kind != muxtest.Pong || f.ID != 77 || string(f.Body) != "alive?" {
			w.Errorf("the peer got %+v", f)
		}
		if s := w.Node(); s.Unsolicited != 0 || s.Unknown != 0 || s.Duplicate != 0 {
			w.Errorf("counted: %+v", s.Counters)
		}
	})
}

// TestFarewell: the last frame of a connection that ends in good order, and of no other.
func TestFarewell(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(w *world.World)
		want int
	}{
		"idle":     {func(w *world.World) { w.Pool.CloseIdle() }, 1},
		"drop":     {func(w *world.World) { w.Pool.Drop(w.Caller.Node) }, 1},
		"shutdown": {func(w *world.World) { _ = w.Pool.Shutdown(context.Background()) }, 1},
		"close":    {func(w *world.World) { _ = w.Pool.Close() }, 0},
		"the peer": {func(w *world.World) { w.Victim.CloseConns() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var h heard
			world.InBubble(t, world.Setup{Parser: polite{}, Act: h.act(false), Opts: world.OneConn, Alone: true}, func(w *world.World) {
				if err := w.Call(); err != nil {
					w.Fatal(err)
				}
				c.end(w)
				w.Until(5*time.Second, "the end", func() bool { return w.Victim.Stats().Open == 0 })
				if all := h.all(); len(all) != c.want || c.want == 1 && all[0].Kind != muxtest.GoAway {
					w.Errorf("the peer got %+v", all)
				}
			})
		})
	}
}

// TestFarewellIsTheLastWord: a peer that does not read while the farewell is written is not
// asked after that whether it is alive.
func TestFarewellIsTheLastWord(t *testing.T) {
	var h heard
	var read chan struct{}
	act := func(c *muxtest.Conn, f muxtest.Frame) {
		h.act(false)(c, f)
		if f.Kind == muxtest.Call {
			<-read
		}
	}
	parser := struct {
		polite
		muxtest.KeepAlive
	}{}
	world.InBubble(t, world.Setup{Parser: parser, Act: act, Opts: world.OneConn, Alone: true}, func(w *world.World) {
		read = make(chan struct{})
		if err := w.Call(); err != nil {
			w.Fatal(err)
		}
		time.Sleep(1900 * time.Millisecond)
		w.Pool.CloseIdle()
		time.Sleep(700 * time.Millisecond) // in which the connection's health is looked at
		close(read)
		w.Until(5*time.Second, "the end", func() bool { return w.Victim.Stats().Open == 0 })
		if all := h.all(); len(all) != 1 || all[0].Kind != muxtest.GoAway {
			w.Errorf("the peer got %+v", all)
		}
	})
}

// TestBadParts: a part that panics ends its connection, and no other.
func TestBadParts(t *testing.T) {
	var h heard
	world.InBubble(t, world.Setup{Parser: polite{bad: true}, Act: h.act(true), Opts: world.OneConn}, func(w *world.World) {
		w.WantError(w.Call(), muxpool.ErrProtocol, true)
		w.Victim.Do(muxtest.Echo)
		w.Recovers(time.Second)
		w.Pool.CloseIdle()
		w.Until(5*time.Second, "the end", func() bool { return w.Victim.Stats().Open == 0 })
	})
}

// quitter is a parser that ends its goroutine at the second frame.
type quitter struct {
	muxtest.Parser
	frames *int
}

func (q quitter) Parse(r io.Reader) (uint32, []byte, error) {
	vid, frame, err := q.Parser.Parse(r)
	if *q.frames++; err == nil && *q.frames == 2 {
		runtime.Goexit()
	}
	return vid, frame, err
}

// TestParserEndsItsGoroutine: runtime.Goexit in Parse ends the connection, at once.
func TestParserEndsItsGoroutine(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			world.OnNetwork(t, network, world.Setup{Parser: quitter{frames: new(int)}, Opts: world.OneConn, Alone: true}, func(w *world.World) {
				if err := w.Call(); err != nil {
					w.Fatal(err)
				}
				w.WantError(w.Call(), muxpool.ErrProtocol, true)
				w.Recovers(5 * time.Second)
			})
		})
	}
}

// lazy returns what Peek gave it as a frame, where it should have copied.
type lazy struct{ muxtest.Parser }

func (lazy) Parse(r io.Reader) (uint32, []byte, error) {
	fr := r.(muxpool.FrameReader)
	head, err := fr.Peek(muxtest.HeaderLen)
	if err != nil {
		return 0, nil, err
	}
	n := muxtest.HeaderLen + int(binary.BigEndian.Uint32(head[4:]))
	frame, err := fr.Peek(n)
	if err != nil {
		return 0, nil, err
	}
	_, err = fr.Discard(n)
	return binary.BigEndian.Uint32(frame[8:]), frame, err
}

// TestPeekedFramesAreCopied: a frame in the reader's own memory is its caller's all the
// same: many answers come before the first is read, and each is released.
func TestPeekedFramesAreCopied(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			world.OnNetwork(t, network, world.Setup{Parser: lazy{}, Opts: world.OneConn, Alone: true}, func(w *world.World) {
				type asked struct {
					mc   muxpool.MuxConn
					call muxtest.Frame
				}
				for round := range uint64(20) {
					var all []asked
					for range 20 {
						mc := w.Get(context.Background())
						defer mc.Close()
						call := muxtest.NewCall(mc, bytes.Repeat([]byte{byte(len(all))}, 100))
						if err := mc.Write(muxtest.AppendFrame(nil, call)); err != nil {
							w.Fatal(err)
						}
						all = append(all, asked{mc, call})
					}
					w.Until(5*time.Second, "all answers", func() bool { return w.Node().Conns[0].Frames == 20*(round+1) })
					for _, a := range all {
						if err := muxtest.Expect(a.mc, a.call); err != nil {
							w.Error(err)
						}
						a.mc.Close()
					}
				}
			})
		})
	}
}
