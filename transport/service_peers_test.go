package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestPeerOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:80":              "192.0.2.7/32",
		"[::ffff:192.0.2.7]:80":     "192.0.2.7/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[2001:db8:1:2::9]:1":       "2001:db8:1:2::/64",
		"[fe80::1%lo]:1":            "fe80::/64",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []net.Addr{tcp, (*net.UDPAddr)(tcp)} {
			if got, ok := peerOf(a); !ok || got.String() != want {
				t.Errorf("%v: %v, %v", a, got, ok)
			}
		}
	}
	for _, a := range []net.Addr{nil, &net.UnixAddr{Name: "x"}, &net.TCPAddr{}} {
		if got, ok := peerOf(a); ok {
			t.Errorf("%v is the peer %v", a, got)
		}
	}
}

// TestOnePeersReportsLeaveRoomForOthers: of ten reports a second three are about one
// peer, and all say whom they are about.
func TestOnePeersReportsLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var texts []string
		r := reports{handler: kittransport.ErrorHandlerFunc(func(_ context.Context, err error) { texts = append(texts, err.Error()) })}
		from := func(host byte, port int) context.Context {
			return &connContext{Context: context.Background(), remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, host), Port: port}}
		}
		boom := errors.New("boom")
		for second := range 2 {
			for i := range 1000 {
				r.report(from(1, i), boom)
			}
			for host := range byte(3) {
				r.report(from(2+host, 9), boom)
			}
			synctest.Wait()
			if len(texts) != 6*(second+1) {
				t.Fatalf("reported are %q", texts)
			}
			if last := texts[len(texts)-1]; last != "192.0.2.4:9: boom" {
				t.Errorf("the last is %s", last)
			}
			if third := texts[len(texts)-3]; !strings.Contains(third, "192.0.2.2:9: boom") || !strings.Contains(third, "997 more") {
				t.Errorf("the first of another peer is %s", third)
			}
			time.Sleep(time.Second)
		}
	})
}

// TestPeersCount: what several connections of one peer have is bounded together, is
// counted out, and forgotten.
func TestPeersCount(t *testing.T) {
	d := &admission{limits: ServiceLimits{MaxInFlight: 100, MaxBytes: 10_000, MaxBytesPerConn: 10_000, MaxInFlightPerPeer: 3, MaxBytesPerPeer: 1000}}
	var all peers
	join := func(host byte, most int) (*account, error) {
		a := new(account)
		a.open(d, 0)
		var err error
		a.peer, err = all.join(&net.TCPAddr{IP: net.IPv4(192, 0, 2, host), Port: 1}, most)
		return a, err
	}
	one, err := join(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	two, _ := join(1, 2)
	if _, err := join(1, 2); err == nil || !strings.Contains(err.Error(), "2 are open from 192.0.2.1/32") {
		t.Errorf("a third connection: %v", err)
	}
	other, err := join(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		a     *account
		bytes int64
		want  refusal
	}{{one, 400, admitted}, {two, 400, admitted}, {two, 400, peerBytes}, {other, 900, admitted}, {one, 0, admitted}, {two, 0, tooManyOfPeer}} {
		if got := c.a.enter(c.bytes); got != c.want {
			t.Errorf("call %d: %v, want %v", i, got, c.want)
		}
		if c.want != admitted {
			c.a.answered()
			c.a.leave(c.bytes)
		}
	}
	if err := one.Hold(201); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("more bytes: %v", err)
	}
	for _, c := range []struct {
		a     *account
		bytes int64
	}{{one, 0}, {one, 400}, {two, 400}, {other, 900}} {
		c.a.answered()
		c.a.leave(c.bytes)
		if n, m := c.a.peer.calls.Load(), c.a.peer.bytes.Load(); c.a != one && (n != 0 || m != 0) {
			t.Errorf("left are %d calls, %d bytes", n, m)
		}
		if c.bytes == 0 {
			continue
		}
		all.closed(c.a.peer)
		all.leave(c.a.peer)
	}
	if len(all.byIP) != 0 {
		t.Errorf("%d peers are not forgotten", len(all.byIP))
	}
	again, err := join(1, 1)
	if err != nil || again.peer.conns != 1 {
		t.Errorf("later: %v", err)
	}
	if _, err := join(1, 1); err == nil || !strings.Contains(err.Error(), "1 are open") {
		t.Errorf("a second one where one may be: %v", err)
	}
	if nobody, err := all.join(&net.UnixAddr{}, 1); nobody != nil || err != nil {
		t.Errorf("a Unix socket's client is the peer %v, %v", nobody, err)
	}
}

// TestServiceMaxPerPeer: the limits hold on real connections; 127.0.0.2 is another peer. Who is refused is
// reported, where a connection ends there is room for another, and in the end nobody is remembered.
func TestServiceMaxPerPeer(t *testing.T) {
	reports := make(chan error, 9)
	s := NewService(quickProtocol{}, ServiceMaxPerPeer(2, 5, 0), ServiceErrorHandler(kittransport.ErrorHandlerFunc(
		func(_ context.Context, err error) {
			select {
			case reports <- err:
			default: // more of what is looked for below
			}
		})))
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() { s.Close(); bounded.Receive(t, served) }()
	var conns []net.Conn
	dial := func(host string) (open bool) {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
		nc, err := from.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Skip(err) // an address of the loopback that this system does not have
		}
		t.Cleanup(func() { nc.Close() })
		conns = append(conns, nc)
		_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := nc.Write([]byte{1}); err != nil {
			return false
		}
		n, _ := nc.Read(make([]byte, 1))
		return n == 1
	}
	got := fmt.Sprint(dial("127.0.0.1"), dial("127.0.0.1"), dial("127.0.0.1"), dial("127.0.0.2"))
	if stats := s.Stats(); got != "true true false true" || stats.Refused.PeerConns != 1 || stats.Limits.MaxInFlightPerPeer != 5 {
		t.Errorf("connections are open: %s, the figures are %+v", got, stats)
	}
	told := false
	for range 4 { // of the three others the method is unknown
		told = strings.Contains(bounded.Receive(t, reports).Error(), "2 are open from 127.0.0.1/32") || told
	}
	if !told {
		t.Error("it is not reported who was refused")
	}
	conns[0].Close()
	for start := time.Now(); s.Stats().Conns > 2; time.Sleep(time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("%d connections are open", s.Stats().Conns)
		}
	}
	for start := time.Now(); !dial("127.0.0.1"); { // until it is counted out for its peer as well
		if time.Since(start) > 20*time.Second {
			t.Fatal("there is no room for another connection")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s.Close()
	if err := s.Shutdown(ctx); err != nil || len(s.peers.byIP) != 0 {
		t.Errorf("at the end %d peers are remembered, %v", len(s.peers.byIP), err)
	}
	for _, options := range [][]ServiceOption{{ServiceMaxPerPeer(-1, 0, 0)}, {ServiceMaxPerPeer(0, 0, 1<<20)}} {
		if err := NewService(quickProtocol{}, options...).Err(); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "ServiceMaxPerPeer") {
			t.Errorf("got %v", err)
		}
	}
}

// quickProtocol has frames of one byte, and answers each with one.
type quickProtocol struct{ ServerProtocol }

func (quickProtocol) Parse(r io.Reader) (uint32, []byte, error) {
	b := make([]byte, 1)
	_, err := io.ReadFull(r, b)
	return 1, b, err
}

func (quickProtocol) ParseRequest([]byte, *Message) error { return nil }

func (quickProtocol) AppendResponse(dst []byte, _ uint32, _, _ *Message) ([]byte, error) {
	return append(dst, 1), nil
}
