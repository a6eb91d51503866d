package transport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// caller is a scripted client of one protocol.
type caller struct {
	request func(id uint32) []byte
	answer  func(io.Reader) (id uint32, resp transport.Message, err error)
}

func scripted(p transport.ServerProtocol) caller {
	return caller{
		request: func(id uint32) []byte {
			frame, err := p.AppendRequest(nil, id, &transport.Message{Method: "M", Body: fmt.Appendf(nil, "%d", id)})
			if err != nil {
				panic(err)
			}
			return frame
		},
		answer: func(r io.Reader) (id uint32, resp transport.Message, err error) {
			id, frame, err := p.Parse(r)
			if err == nil {
				err = p.ParseResponse(frame, &resp)
			}
			return id, resp, err
		},
	}
}

// untold are the protocols that have no frame for going away.
var untold = map[string]transport.ServerProtocol{"JSON-RPC": jsonrpc.Protocol{}, "tRPC": trpc.Protocol{ContentType: trpc.ContentJSON}}

// TestAnswersSayThatTheServerGoesAway: where the protocol has no frame for that, the
// answers of calls say so; calls are run for 2 s more, then refused, and after 5 s the
// connection ends, whatever the client goes on sending.
func TestAnswersSayThatTheServerGoesAway(t *testing.T) {
	for name, p := range untold {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pipes, s, stop := servePipesOf(t, p, map[string]*transport.Server{"M": rawServer(echo)})
				defer stop()
				nc, c := pipes.dial(t), scripted(p)
				in := bufio.NewReader(nc) // which takes the line break behind an answer with it: on a pipe, its writer waits for that
				defer nc.Close()
				call := func(id uint32) (resp transport.Message, err error) {
					if _, err = nc.Write(c.request(id)); err != nil {
						return resp, errors.Join(err, io.EOF)
					}
					got, resp, err := c.answer(in)
					if err == nil && (got != id || string(resp.Body) != fmt.Sprint(id)) {
						t.Errorf("call %d got %q of %d", id, resp.Body, got)
					}
					return resp, err
				}
				if resp, err := call(1); err != nil || resp.GoingAway {
					t.Fatalf("at first: %+v, %v", resp, err)
				}
				start, down := time.Now(), make(chan error, 1)
				go func() { down <- s.Shutdown(context.Background()) }()
				synctest.Wait()
				var ran, refused time.Duration
				for id := uint32(2); ; id++ {
					resp, err := call(id)
					var e *transport.Error
					switch at := time.Since(start); {
					case at > 10*time.Second:
						t.Fatalf("calls go on after %v", at)
					case errors.As(err, &e):
						if e.Code != transport.CodeUnavailable || !resp.GoingAway {
							t.Fatalf("after %v: %+v, %v", at, resp, err)
						}
						refused = at
					case err != nil:
						if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrClosedPipe) {
							t.Fatal(err)
						}
						if err := bounded.Receive(t, down); err != nil {
							t.Errorf("Shutdown: %v", err)
						}
						if ran < 1900*time.Millisecond || ran > 2100*time.Millisecond || refused < 4900*time.Millisecond || time.Since(start) > 6*time.Second {
							t.Errorf("calls were run for %v, refused for %v, ended after %v", ran, refused, time.Since(start))
						}
						if n := s.Stats().Refused.GoingAway; n == 0 {
							t.Error("no refusal was counted")
						}
						return
					default:
						if !resp.GoingAway {
							t.Fatalf("after %v an answer does not say that the server goes away", at)
						}
						ran = at
					}
					time.Sleep(50 * time.Millisecond)
				}
			})
		})
	}
}

// TestCallsOfTheToldAreRefusedInTheEnd: a native client that was told and calls on is
// refused, unrun, after 2 s, and disconnected after 5.
func TestCallsOfTheToldAreRefusedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		synctest.Wait() // the connection is let in: Shutdown refuses one that is not yet
		start := time.Now()
		go func() {
			defer nc.Close()
			for id := uint32(1); time.Since(start) < 10*time.Second; id++ {
				if _, err := nc.Write(request(t, id, "M", "x")); err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
		go func() { _ = s.Shutdown(context.Background()) }()
		var ran, refused time.Duration
		for a := range answers {
			var e *transport.Error
			switch at := time.Since(start); {
			case a.kind == 7:
			case a.err == nil:
				ran = at
			case errors.As(a.err, &e) && e.NotRun && e.Code == transport.CodeUnavailable:
				refused = at
			default:
				t.Errorf("got %+v", a)
			}
		}
		if ran > 2100*time.Millisecond || refused < 4900*time.Millisecond || time.Since(start) > 6*time.Second {
			t.Errorf("calls were run for %v, refused for %v, ended after %v", ran, refused, time.Since(start))
		}
		time.Sleep(time.Second) // of the bubble's, for the writer to notice
	})
}

// TestShutdownWithoutCallsIsQuick: connections without calls hold it up no longer than
// their clients take to close, and strangers that cannot be told not for long.
func TestShutdownWithoutCallsIsQuick(t *testing.T) {
	for name, c := range map[string]struct {
		protocol transport.ServerProtocol
		most     time.Duration
	}{
		"native":   {native.Protocol{}, 2 * time.Second},
		"JSON-RPC": {jsonrpc.Protocol{}, time.Second},
		"tRPC":     {trpc.Protocol{}, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, s, stop := servePipesOf(t, c.protocol, map[string]*transport.Server{"M": rawServer(echo)})
			defer stop()
			for range 10 {
				nc := p.dial(t)
				go func() { _, _ = io.Copy(io.Discard, nc) }()
			}
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			start := time.Now()
			if err := s.Shutdown(ctx); err != nil || time.Since(start) > c.most {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		})
	}
}

// TestOldConnectionsGoAway: at their age, more or less, without a call lost.
func TestOldConnectionsGoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			time.Sleep(20 * time.Second)
			return r, nil
		})}, transport.ServiceMaxConnAge(time.Minute))
		defer stop()
		const conns = 50
		least, most := time.Hour, time.Duration(0)
		done := make(chan time.Duration, conns)
		start := time.Now()
		for i := range conns {
			nc := p.dial(t)
			answers := readAll(nc)
			quiet := i%2 == 0 // the others have a call each 10 s, of 20
			go func() {
				sent := uint32(0)
				told := time.Duration(0)
				tick := time.NewTicker(10 * time.Second)
				defer tick.Stop()
				late := time.After(2 * time.Minute)
				for got := uint32(0); ; {
					select {
					case <-late:
						t.Errorf("a connection of 2 minutes is open, told after %v", told)
						nc.Close()
						done <- told
						return
					case <-tick.C:
						if told == 0 && !quiet {
							sent++
							_, _ = nc.Write(request(t, sent, "M", "x"))
						}
					case a, ok := <-answers:
						switch {
						case !ok:
							if got != sent {
								t.Errorf("%d of %d calls were answered", got, sent)
							}
							done <- told
							return
						case a.kind == 7:
							told = time.Since(start)
						case a.err == nil:
							got++
						}
					}
				}
			}()
		}
		for range conns {
			told := bounded.Receive(t, done)
			least, most = min(least, told), max(most, told)
		}
		if least < 54*time.Second || most > 66*time.Second || most-least < 4*time.Second {
			t.Errorf("connections were told after %v to %v", least, most)
		}
	})
}

// TestMaxConnAgeIsForProtocolsThatCanTell.
func TestMaxConnAgeIsForProtocolsThatCanTell(t *testing.T) {
	for name, p := range untold {
		err := transport.NewService(p, transport.ServiceMaxConnAge(time.Hour)).Err()
		if !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), "ServiceMaxConnAge(1h0m0s)") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := transport.NewService(native.Protocol{}, transport.ServiceMaxConnAge(time.Hour)).Err(); err != nil {
		t.Error(err)
	}
}

// TestSlowLargeFrameArrives: 3.5 MiB at 5 Mbit/s take longer than the time for a frame, and
// come; a trickle does not.
func TestSlowLargeFrameArrives(t *testing.T) {
	for name, c := range map[string]struct {
		rate  int // bytes a second
		comes bool
	}{
		"5 Mbit/s":   {5_000_000 / 8, true},
		"17 KiB/s":   {17 << 10, true},
		"8 KiB/s":    {8 << 10, false},
		"100 byte/s": {100, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
				defer stop()
				nc := p.dial(t)
				frame := request(t, 1, "M", strings.Repeat("x", 3500<<10))
				start := time.Now()
				go func() {
					for step := max(c.rate/10, 1); len(frame) > 0; frame = frame[min(step, len(frame)):] {
						if _, err := nc.Write(frame[:min(step, len(frame))]); err != nil {
							return
						}
						time.Sleep(100 * time.Millisecond)
					}
				}()
				a, err := readAnswer(nc)
				switch took := time.Since(start); {
				case c.comes && (err != nil || len(a.body) != 3500<<10):
					t.Errorf("after %v: %v", took, err)
				case !c.comes && (err == nil || took > 5*time.Second*16/8+time.Second):
					t.Errorf("ended with %v after %v", err, took)
				}
				nc.Close()
				time.Sleep(time.Second) // of the bubble's, for the writer to notice
			})
		})
	}
}

// starvedConn is a connection whose reader gets no processor for a while, once it is told to.
type starvedConn struct {
	net.Conn
	starve <-chan time.Duration
}

func (c *starvedConn) SetReadDeadline(d time.Time) error {
	err := c.Conn.SetReadDeadline(d)
	select {
	case pause := <-c.starve:
		time.Sleep(pause) // of bubble time
	default:
	}
	return err
}

type starvedListener struct {
	*pipes
	starve chan time.Duration
}

func (l *starvedListener) Accept() (net.Conn, error) {
	nc, err := l.pipes.Accept()
	return &starvedConn{nc, l.starve}, err
}

// TestCallsThatCameAreReadBeforeTheEnd: a server that got no processor while a connection
// went away does not take that for its client's silence.
func TestCallsThatCameAreReadBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &starvedListener{newPipes(), make(chan time.Duration, 1)}
		s := transport.NewService(native.Protocol{})
		s.Handle("M", rawServer(echo))
		var serving sync.WaitGroup
		serving.Go(func() { _ = s.Serve(l) })
		nc := l.dial(t)
		synctest.Wait()
		var down sync.WaitGroup
		down.Go(func() { _ = s.Shutdown(context.Background()) })
		if a, err := readAnswer(nc); err != nil || a.kind != 7 {
			t.Fatalf("got %+v, %v", a, err)
		}
		synctest.Wait()
		l.starve <- 800 * time.Millisecond // from the next deadline on: that of shrinking, or of the end
		time.Sleep(1100 * time.Millisecond)
		sent := make(chan error, 1)
		go func() {
			_, err := nc.Write(request(t, 1, "M", "x"))
			sent <- err
		}()
		if a, err := readAnswer(nc); err != nil || a.body != "x" {
			t.Errorf("got %+v, %v", a, err)
		}
		bounded.Receive(t, sent)
		nc.Close()
		bounded.Wait(t, down.Wait)
		bounded.Wait(t, serving.Wait)
	})
}
