package transport_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// smallBuffers accepts connections that take little at once.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		err = shrink(nc)
	}
	return nc, err
}

func shrink(nc net.Conn) error {
	if err := nc.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
		return err
	}
	return nc.(*net.TCPConn).SetReadBuffer(64 << 10)
}

// TestLastAnswersArrive: a client that reads its answers late, and sends on until it has
// them, gets all of them, whether they wait in the server's kernel or in its queue: no
// reset discards them, and the server does not wait for it to read.
func TestLastAnswersArrive(t *testing.T) {
	for name, listener := range map[string]func(net.Listener) net.Listener{
		"in the kernel": func(l net.Listener) net.Listener { return l },
		"in the queue":  func(l net.Listener) net.Listener { return smallBuffers{l} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const calls, size = 3, 512 << 10
			ran := make(chan struct{}, calls)
			body := bytes.Repeat([]byte("nonce "), size/6)
			l := listen(t)
			s := serveOn(t, listener(l), native.Protocol{}, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) {
				ran <- struct{}{}
				return body, nil
			})}, transport.ServiceWriteTimeout(waitTime))
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if err := shrink(nc); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetDeadline(time.Now().Add(waitTime))
			for id := range uint32(calls) {
				if _, err := nc.Write(request(t, id+1, "M", "x")); err != nil {
					t.Fatal(err)
				}
			}
			for range calls {
				wait(t, "the call", ran)
			}
			down := make(chan error, 1)
			go func() { down <- s.Shutdown(testContext(t)) }()
			// 2.5 s are more than a connection that was told is given to be quiet, and then lingers.
			late, start := bytes.Repeat(native.Protocol{}.AppendCancel(nil, 5), 4<<10), time.Now()
			sends := func() bool {
				_, err := nc.Write(late)
				return err == nil
			}
			for time.Since(start) < 2500*time.Millisecond {
				if !sends() {
					t.Fatalf("after %v the server took nothing any more", time.Since(start))
				}
				time.Sleep(20 * time.Millisecond) // of the client's timetable
			}
			var sending sync.WaitGroup
			defer bounded.Wait(t, sending.Wait)
			defer nc.Close()
			sending.Go(func() {
				for sends() {
					time.Sleep(20 * time.Millisecond) // likewise
				}
			})
			want := sha256.Sum256(body)
			for got := 0; got < calls; {
				a, err := readAnswer(nc)
				if err != nil {
					t.Fatalf("after %d answers of %d: %v", got, calls, err)
				}
				if a.kind == 7 {
					continue
				}
				if got++; sha256.Sum256([]byte(a.body)) != want {
					t.Errorf("answer %d: %d bytes, not those that were sent", a.id, len(a.body))
				}
			}
			nc.Close()
			if err := wait(t, "Shutdown", down); err != nil {
				t.Error(err)
			}
		})
	}
}
