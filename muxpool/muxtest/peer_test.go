package muxtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// dial connects to the peer in memory and sends one Call.
func dial(t *testing.T, p *Peer) net.Conn {
	t.Helper()
	nc, err := p.DialContext(t.Context(), "tcp", "peer:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); p.Close() })
	call(nc, 1)
	return nc
}

func call(w io.Writer, id uint32) {
	w.Write(AppendFrame(nil, Frame{ID: id, Nonce: uint64(id) * 100, Body: []byte("body")}))
}

func TestActions(t *testing.T) {
	ids := func(ids ...uint32) []uint32 { return ids }
	for _, test := range []struct {
		name string
		act  Action
		want []uint32 // the ids of what arrives
		end  error    // then; nil: nothing more within a minute
	}{
		{"echo", Echo, ids(1), nil},
		{"drop", Drop, nil, nil},
		{"stop reading", StopReading, nil, nil},
		{"duplicate", Duplicate, ids(1, 1), nil},
		{"close", Close, nil, io.EOF},
		{"answer and close", AnswerAndClose, ids(1), io.EOF},
		{"reset", Reset, nil, syscall.ECONNRESET},
		{"unknown id", UnknownID, ids(^uint32(1), 1), nil},
		{"garbage", Garbage, nil, ErrMalformed},
		{"huge length", HugeLength, nil, ErrMalformed},
		{"going away", GoingAway, ids(0, 1), nil},
		{"cut", Cut(21), nil, io.ErrUnexpectedEOF},
		{"cut and reset", CutReset(21), nil, syscall.ECONNRESET},
		{"delay", Delay(time.Second), ids(1), nil},
		{"delay twice", DelayTwice(time.Second), ids(1, 1), nil},
		{"trickle", Trickle(time.Second), ids(1), nil},
		{"stream", Stream(3), ids(1, 1, 1), nil},
		{"first", First(1, Echo, Close), ids(1), nil},
		{"this connection", OnConn(0, Echo, Close), ids(1), nil},
		{"other connections", OnConn(1, Echo, Close), nil, io.EOF},
		{"calls", Calls(Duplicate), ids(1, 1), nil},
		{"chaos", Chaos(1, Choice{3, Echo}, Choice{0, Close}), ids(1), nil},
		{"reorder", Reorder, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nc := dial(t, NewPeer(test.act))
				nc.SetReadDeadline(time.Now().Add(time.Minute))
				if test.end == nil {
					test.end = context.DeadlineExceeded
				}
				for _, want := range test.want {
					if f, err := ReadFrame(nc); err != nil || f.ID != want {
						t.Fatalf("got %+v, %v, want id %d", f, err, want)
					}
				}
				f, err := ReadFrame(nc)
				if errors.Is(err, syscall.ETIMEDOUT) || isTimeout(err) {
					err = context.DeadlineExceeded
				}
				if !errors.Is(err, test.end) {
					t.Fatalf("got %+v, %v, want %v", f, err, test.end)
				}
			})
		})
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func TestReorderSwapsTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc := dial(t, NewPeer(Reorder))
		call(nc, 2)
		a, _ := ReadFrame(nc)
		b, err := ReadFrame(nc)
		if a.ID != 2 || b.ID != 1 || err != nil {
			t.Fatalf("got %d, %d, %v", a.ID, b.ID, err)
		}
	})
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hold Hold
		nc := dial(t, NewPeer(hold.Do))
		call(nc, 2)
		synctest.Wait()
		if hold.Len() != 2 {
			t.Fatalf("%d frames held", hold.Len())
		}
		go hold.Release(nil)
		a, _ := ReadFrame(nc)
		b, err := ReadFrame(nc)
		if a.ID != 2 || b.ID != 1 || err != nil || hold.Len() != 0 {
			t.Fatalf("got %d, %d, %v", a.ID, b.ID, err)
		}
	})
}

func TestDownAndUpInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPeer(Drop)
		nc := dial(t, p)
		p.Down()
		if _, err := ReadFrame(nc); err != io.EOF {
			t.Fatal(err)
		}
		if _, err := p.DialContext(t.Context(), "tcp", "peer:1"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		if err := p.Up(); err != nil {
			t.Fatal(err)
		}
		dial(t, p)
		synctest.Wait()
		if s := p.Stats(); s.Dials != 3 || s.Accepted != 2 || s.Open != 1 || s.Calls != 2 {
			t.Fatalf("%+v", s)
		}
	})
}

// TestHangUp: a Conn ends with the caller's end, even if the peer reads nothing.
func TestHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPeer(StopReading)
		nc := dial(t, p)
		synctest.Wait()
		nc.Close()
		synctest.Wait()
		if s := p.Stats(); s.Open != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestOnDial(t *testing.T) {
	p := NewPeer(nil)
	defer p.Close()
	p.OnDial(func(ctx context.Context, n int) error { return io.ErrNoProgress })
	var op *net.OpError
	if _, err := p.DialContext(t.Context(), "tcp", "x:1"); !errors.Is(err, io.ErrNoProgress) || !errors.As(err, &op) {
		t.Fatal(err)
	}
	if _, err := (Network{"y:1": p}).DialContext(t.Context(), "tcp", "x:1"); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Fatal(err)
	}
}

func TestListen(t *testing.T) {
	ca, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		network, address string
		config           *tls.Config
	}{
		{"tcp", "127.0.0.1:0", nil},
		{"tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}}},
		{"unix", filepath.Join(t.TempDir(), "s"), nil},
		{"udp", "127.0.0.1:0", nil},
	} {
		p := NewPeer(nil)
		address, err := p.Listen(test.network, test.address, test.config)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second round after Down and Up
			var nc net.Conn
			if test.config != nil {
				nc, err = tls.Dial(test.network, address, &tls.Config{RootCAs: ca.Pool()})
			} else {
				nc, err = net.Dial(test.network, address)
			}
			if err != nil {
				t.Fatal(err)
			}
			call(nc, 7)
			if f, err := ReadFrame(bufio.NewReader(nc)); err != nil || f.ID != 7 {
				t.Errorf("%s: %+v, %v", test.network, f, err)
			}
			nc.Close()
			p.Down()
			if err := p.Up(); err != nil {
				t.Fatal(err)
			}
		}
		p.Close()
	}
}

func TestResetOnTCP(t *testing.T) {
	p := NewPeer(Reset)
	defer p.Close()
	address, err := p.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	call(nc, 1)
	if _, err := ReadFrame(nc); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
}
