package muxpool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDialOutOfTime: a dial that has run out of its time says so, whichever clock was first,
// and one that has failed otherwise does not.
func TestDialOutOfTime(t *testing.T) {
	node := Node{"tcp", "192.0.2.1:7"}
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}, Err: err}
	}
	for name, row := range map[string]struct {
		err   error
		after time.Duration
		ends  time.Duration // the pool, if not 0
		said  string
	}{
		"the context's clock":               {context.DeadlineExceeded, time.Second, 0, "dial: not ready within 1s: context deadline exceeded"},
		"the kernel's":                      {op(os.ErrDeadlineExceeded), time.Second, 0, "dial: not ready within 1s: i/o timeout"},
		"a shorter one of the user's own":   {op(os.ErrDeadlineExceeded), time.Second - 1, 0, "dial: i/o timeout"},
		"the pool's end, before it":         {op(os.ErrDeadlineExceeded), time.Second, time.Millisecond, "dial: i/o timeout"},
		"a refusal at the end of that time": {op(syscall.ECONNREFUSED), time.Second, 0, "dial: connection refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			connect := func(context.Context, string, string) (net.Conn, error) {
				time.Sleep(row.after) // of the bubble's clock
				return nil, row.err
			}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			if row.ends > 0 {
				time.AfterFunc(row.ends, end)
			}
			_, _, err := newDialer(nodeKey{node: node}, &poolOptions{dial: connect, dialTimeout: time.Second}).dial(ctx, "")
			if err == nil || err.Error() != row.said || !errors.Is(row.err, context.DeadlineExceeded) && !errors.Is(err, row.err) {
				t.Errorf("%s: %v, want %s", name, err, row.said)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: taken for the end of a caller's time", name)
			}
		})
	}
}

// TestProbes: more than one probe, as far as the kernel's seconds allow, and all of them
// within one and a half of the silence that was asked for.
func TestProbes(t *testing.T) {
	of := func(idle, interval time.Duration, count int) net.KeepAliveConfig {
		return net.KeepAliveConfig{Enable: true, Idle: idle * time.Second, Interval: interval * time.Second, Count: count}
	}
	exact := map[time.Duration]net.KeepAliveConfig{
		time.Second: of(1, 1, 1), 2 * time.Second: of(1, 1, 2), 3 * time.Second: of(1, 1, 3), 10 * time.Second: of(6, 3, 3),
		16 * time.Second: of(6, 6, 3), time.Hour: of(1350, 1350, 3), math.MaxInt64: of(8194, 8191, 3),
	}
	for silence, most := range map[time.Duration]int{
		time.Second: 1, 2 * time.Second: 2, 3 * time.Second: 3, 10 * time.Second: 3, 16 * time.Second: 3, time.Hour: 3, math.MaxInt64: 3,
	} {
		p := probes(silence)
		if p.Count != most {
			t.Errorf("silence of %v: %d probes, want %d", silence, p.Count, most)
		}
		if p.Idle < time.Second || p.Interval < time.Second || p.Idle%time.Second != 0 || p.Interval%time.Second != 0 {
			t.Errorf("silence of %v: idle %v, interval %v: the kernel counts in seconds", silence, p.Idle, p.Interval)
		}
		if p.Idle > 32767*time.Second || p.Interval > 32767*time.Second {
			t.Errorf("silence of %v: idle %v, interval %v: the kernel refuses that", silence, p.Idle, p.Interval)
		}
		if want, ok := exact[silence]; ok && p != want {
			t.Errorf("silence of %v: %+v, want %+v", silence, p, want)
		}
		if total := p.Idle + time.Duration(p.Count)*p.Interval; total > max(oneAndHalf(silence), 2*time.Second) {
			t.Errorf("silence of %v is noticed after %v", silence, total)
		}
	}
}

// TestDialEndsItsContext: who has connected is not to keep what belongs to that for as long as a dial may take.
func TestDialEndsItsContext(t *testing.T) {
	var during context.Context
	ours, theirs := net.Pipe()
	defer theirs.Close()
	connect := func(ctx context.Context, _, _ string) (net.Conn, error) {
		during = ctx
		return ours, ctx.Err()
	}
	d := newDialer(nodeKey{node: Node{"tcp", "peer:1"}, Identity: Identity{parser: worldParser{}}}, &poolOptions{dial: connect, dialTimeout: time.Hour})
	nc, _, err := d.dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if !errors.Is(during.Err(), context.Canceled) {
		t.Errorf("the context of a dial that is done says %v", during.Err())
	}
}

// TestLocalAddresses: which are addresses to connect from, and what is said of the others.
func TestLocalAddresses(t *testing.T) {
	for _, row := range []struct{ network, addr, want string }{
		{"tcp", "127.0.0.1:4096", "*net.TCPAddr 127.0.0.1:4096"},
		{"tcp", "127.0.0.1:65535", "*net.TCPAddr 127.0.0.1:65535"},
		{"tcp", "127.0.0.1:", "*net.TCPAddr 127.0.0.1:0"},
		{"tcp4", ":80", "*net.TCPAddr :80"},
		{"tcp6", "[fe80::1%lo]:1", "*net.TCPAddr [fe80::1%lo]:1"},
		{"udp", "[fe80::1%lo]:53", "*net.UDPAddr [fe80::1%lo]:53"},
		{"unix", "a:b", "*net.UnixAddr a:b"},
		{"tcp", "127.0.0.1", "missing port"},
		{"tcp", "here:1", "here"},
		{"udp", "127.0.0.1:65536", `port "65536"`},
		{"udp", "127.0.0.1:x", `port "x"`},
	} {
		addr, err := resolveLocal(row.network, row.addr)
		if got := fmt.Sprintf("%T %v", addr, addr); err == nil && got != row.want || err != nil && (addr != nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s, %q: %s, %v, want %s", row.network, row.addr, got, err, row.want)
		}
	}
}

// timeless is a connection that knows no deadlines, and tells which it was given.
type timeless struct {
	net.Conn
	told *[]time.Time
}

func (c timeless) SetDeadline(t time.Time) error {
	*c.told = append(*c.told, t)
	return nil
}

// waitingParser has a handshake that waits for a byte of the peer's, or for the end of its time, which it is content with.
type waitingParser struct {
	worldParser
	content bool
}

func (p waitingParser) Handshake(ctx context.Context, nc net.Conn) error {
	if p.content {
		<-ctx.Done()
		return nil
	}
	_, err := nc.Read(make([]byte, 1))
	return err
}

// TestHandshakeOutOfTime: it ends with its time, on a connection that knows no deadlines, too, and one that is
// content then has failed all the same. The connection is closed.
func TestHandshakeOutOfTime(t *testing.T) {
	for _, row := range []struct {
		name     string
		content  bool
		timeless bool
		said     string // of what the handshake says itself
	}{
		{"a connection of the standard library's", false, false, ""},
		{"one that knows no deadlines", false, true, "closed pipe"},
		{"a handshake that does not mind", true, false, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			var told []time.Time
			connect := func(context.Context, string, string) (net.Conn, error) {
				if row.timeless {
					return timeless{ours, &told}, nil
				}
				return ours, nil
			}
			key := nodeKey{node: Node{"tcp", "peer:1"}, Identity: Identity{parser: waitingParser{content: row.content}}}
			d := newDialer(key, &poolOptions{dial: connect, dialTimeout: time.Second})
			begin := time.Now()
			nc, _, err := d.dial(t.Context(), "")
			if took := time.Since(begin); nc != nil || err == nil || took != time.Second || dialReason(err) != ReasonHandshakeFailed {
				t.Fatalf("%s: after %v: %v, %v", row.name, took, nc, err)
			}
			const late = "handshake: not ready within 1s: context deadline exceeded"
			if said := err.Error(); !strings.HasPrefix(said, late) || !strings.Contains(said, row.said) || row.content && said != late {
				t.Errorf("%s: %s", row.name, said)
			}
			synctest.Wait()
			if row.timeless && (len(told) != 1 || !told[0].Equal(begin.Add(time.Second))) {
				t.Errorf("%s: it was given %v, want the end of the dial's time", row.name, told)
			}
			if _, err := theirs.Write([]byte{1}); err == nil {
				t.Errorf("%s: the connection is open", row.name)
			}
		})
	}
}

// lagging is a context that has ended and has yet to tell those who wait for that.
type lagging struct{ context.Context }

func (lagging) Done() <-chan struct{} { return nil }

// endingParser has a handshake in which the time ends.
type endingParser struct {
	worldParser
	end context.CancelCauseFunc
}

func (p endingParser) Handshake(context.Context, net.Conn) error {
	p.end(errors.New("the time is over"))
	return nil
}

// TestHandshakeAtTheEndOfItsTime: it has failed, whether or not the connection has been closed for that yet.
func TestHandshakeAtTheEndOfItsTime(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	ctx, end := context.WithCancelCause(t.Context())
	d := newDialer(nodeKey{Identity: Identity{parser: endingParser{end: end}}}, &poolOptions{})
	if nc, _, err := d.handshake(lagging{ctx}, ours); nc != nil || err == nil || err != context.Cause(ctx) {
		t.Errorf("%v, %v, want the cause of the context's end", nc, err)
	}
}
