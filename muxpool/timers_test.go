package muxpool_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// never is a time that no test waits for.
const never = 1000 * time.Hour

// TestOneDetector: each of those that find out a silent peer, with the others off: when,
// and what is told. The peer answers one call, and then nothing; or half a frame.
func TestOneDetector(t *testing.T) {
	type opts = []muxpool.PoolOption
	const hour = time.Hour + 500*time.Millisecond // between two looks: the one behind it finds a call that has timed out
	off := opts{muxpool.WithKeepAlive(never), muxpool.WithStallTimeout(never), muxpool.WithWriteTimeout(never), muxpool.WithIdleTimeout(never)}
	for _, row := range []struct {
		name   string
		opts   opts
		parser muxpool.FrameParser
		silent muxtest.Action
		call   time.Duration // how long the call may take
		after  time.Duration // from the last frame to the end of the connection; 0: it lives
		err    error
		reason muxpool.Reason
	}{
		{"none", nil, world.Alive{}, muxtest.Drop, hour, 0, nil, 0},
		{"keepalive", opts{muxpool.WithKeepAlive(16 * time.Second)}, world.Alive{}, muxtest.Drop, hour,
			24 * time.Second, muxpool.ErrKeepAliveTimeout, muxpool.ReasonKeepAliveTimeout},
		{"keepalive, of a protocol that has none", opts{muxpool.WithKeepAlive(16 * time.Second)}, world.Classified{}, muxtest.Drop, hour, 0, nil, 0},
		{"stalled, no call has timed out", opts{muxpool.WithStallTimeout(16 * time.Second)}, world.Classified{}, muxtest.Drop, hour, 0, nil, 0},
		{"stalled, the call has timed out", opts{muxpool.WithStallTimeout(16 * time.Second)}, world.Classified{}, muxtest.Drop, 4 * time.Second,
			16 * time.Second, context.DeadlineExceeded, muxpool.ReasonStalled},
		{"stalled, the call times out later", opts{muxpool.WithStallTimeout(16 * time.Second)}, world.Classified{}, muxtest.Drop, 20 * time.Second,
			20 * time.Second, context.DeadlineExceeded, muxpool.ReasonStalled},
		{"stalled, in the middle of a frame", opts{muxpool.WithStallTimeout(16 * time.Second)}, world.Classified{}, half, hour,
			16 * time.Second, muxpool.ErrStalled, muxpool.ReasonStalled},
		{"stalled, behind the first byte of a frame", opts{muxpool.WithStallTimeout(16 * time.Second)}, world.Classified{}, firstByte, hour,
			16 * time.Second, muxpool.ErrStalled, muxpool.ReasonStalled},
	} {
		t.Run(row.name, func(t *testing.T) {
			setup := world.Setup{Parser: row.parser, Alone: true, Opts: append(append(off[:len(off):len(off)], row.opts...), world.OneConn...)}
			world.InBubble(t, setup, func(w *world.World) {
				if err := w.Call(); err != nil {
					w.Fatal(err)
				}
				start := time.Now()
				w.Victim.Do(row.silent)
				err := w.CallFor(row.call)
				if row.after == 0 {
					if !errors.Is(err, context.DeadlineExceeded) || len(w.Heard(muxpool.ConnDown)) > 0 {
						w.Errorf("%v; told %v", err, w.Heard(0))
					}
					return
				}
				if !errors.Is(err, row.err) {
					w.Errorf("the call's error is %v, want %v", err, row.err)
				}
				time.Sleep(time.Minute)
				downs := w.Heard(muxpool.ConnDown)
				if len(downs) != 1 || downs[0].Reason != row.reason {
					w.Fatalf("told %v, want %v", w.Heard(0), row.reason)
				}
				late := time.Second // a sixteenth of the detector's time
				if after := downs[0].Time.Sub(start); after < row.after || after > row.after+late {
					w.Errorf("after %v, want %v, and %v later at most", after, row.after, late)
				}
			})
		})
	}
}

// half answers with the half of a frame.
func half(c *muxtest.Conn, f muxtest.Frame) {
	f.Kind = muxtest.Answer
	b := muxtest.AppendFrame(nil, f)
	c.Write(b[:len(b)/2])
}

// firstByte answers with the first byte of a frame.
func firstByte(c *muxtest.Conn, f muxtest.Frame) {
	f.Kind = muxtest.Answer
	c.Write(muxtest.AppendFrame(nil, f)[:1])
}

// TestTimersAlone: a timer of the pool's with nothing else going on, and what it leads to,
// exactly: connections in the pool and at the peer, and dials, after a little less than its
// time, and after a little more.
func TestTimersAlone(t *testing.T) {
	type figures struct{ conns, open, dials int }
	for _, row := range []struct {
		name          string
		opts          []muxpool.PoolOption
		begin         func(w *world.World)
		first, second time.Duration
		before, after figures
	}{
		{"idle", nil, nil, 10*time.Minute - time.Second, 2 * time.Second, figures{2, 2, 2}, figures{0, 0, 2}},
		{"idle for ever", []muxpool.PoolOption{muxpool.WithIdleTimeout(never)}, nil, 100 * time.Hour, 100 * time.Hour, figures{2, 2, 2}, figures{2, 2, 2}},
		{"old", []muxpool.PoolOption{muxpool.WithMaxConnAge(5 * time.Minute), muxpool.WithIdleTimeout(never)}, nil,
			4 * time.Minute, 2 * time.Minute, figures{2, 2, 2}, figures{2, 2, 4}},
		{"a rest that is over: nobody asks, nobody dials", nil, func(w *world.World) {
			w.Victim.OnDial(func(context.Context, int) error { return errors.New("refused") })
			w.Victim.ResetConns()
			w.Settle()
			w.Call()
		}, 900 * time.Millisecond, 9 * time.Minute, figures{0, 0, 13}, figures{0, 0, 13}}, // ten attempts for one connection, one for the other
		{"datagram sockets past their keepalive, then idle", nil, func(w *world.World) {
			w.Caller.Node.Network = "udp"
			w.Until(time.Second, "two sockets", func() bool { return w.Call() == nil && len(w.Node().Conns) == 2 })
		}, 10*time.Minute - time.Second, 2 * time.Second, figures{2, 4, 4}, figures{0, 0, 4}},
	} {
		t.Run(row.name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: world.Alive{}, Alone: true, Opts: row.opts}, func(w *world.World) {
				w.Prove()
				if row.begin != nil {
					row.begin(w)
				}
				for i, step := range []struct {
					sleep time.Duration
					want  figures
				}{{row.first, row.before}, {row.second, row.after}} {
					time.Sleep(step.sleep)
					w.Settle()
					got := figures{len(w.Node().Conns), w.Victim.Stats().Open, int(w.Pool.Stats().Dials)}
					if got != step.want {
						w.Errorf("look %d: %+v, want %+v; told %v", i+1, got, step.want, w.Heard(0))
					}
				}
			})
		})
	}
}

// refusing is a parser whose handshake is refused.
type refusing struct{ muxtest.Parser }

func (refusing) Handshake(context.Context, net.Conn) error { return errors.New("wrong password") }

// TestEventsNameTheirIdentity: a wrong password of one identity, while another's
// connections are up, expels that one.
func TestEventsNameTheirIdentity(t *testing.T) {
	world.Both(t, world.Setup{Opts: world.OneConn}, func(w *world.World) {
		if err := w.Call(); err != nil {
			w.Fatal(err)
		}
		other := muxtest.NewCaller(w.Pool, w.Caller.Node.Network, w.Caller.Node.Address, refusing{})
		ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(5*time.Second))
		defer cancel()
		if err := other.Call(ctx, nil); !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) {
			w.Fatal(err)
		}
		w.Until(time.Second, "the expel is told", func() bool { return len(w.Heard(muxpool.NodeExpelled)) == 1 })
		for _, e := range w.Heard(0) {
			want := w.Caller.Opts.Identity()
			if e.Kind == muxpool.NodeExpelled || e.Kind == muxpool.DialFailed {
				want = other.Opts.Identity()
			}
			if e.Identity != want {
				w.Errorf("%v is about %+v", e, e.Identity)
			}
		}
		if err := w.Call(); err != nil {
			w.Error("the other identity: ", err)
		}
	})
}
