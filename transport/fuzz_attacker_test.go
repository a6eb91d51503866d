package transport_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// fuzzAttacker lets a client of a Service do what the fuzzer says, on connections of its
// own: an honest client's calls all succeed, each with its own answer; what the Service
// holds stays within its budget, and in the end it holds nothing, and no goroutine.
func fuzzAttacker(f *testing.F, p transport.ServerProtocol) {
	const budget, frame, queued = 4 << 20, 64 << 10, 256 << 10
	seedSteps(f, attackSteps)
	inBubble(f, func(t *testing.T, s *script) {
		pipes, service, stop := servePipesOf(t, p, map[string]*transport.Server{
			"/t/Echo": rawServer(echo),
			"/t/Hold": rawServer(func(ctx context.Context, r any) (any, error) {
				time.Sleep(300 * time.Millisecond)
				return r, ctx.Err()
			}),
			"/t/Panic": rawServer(func(context.Context, any) (any, error) { panic("boom") }),
		}, transport.ServiceMaxFrameSize(frame), transport.ServiceMaxBytes(0, budget), transport.ServiceMaxQueuedBytes(queued),
			transport.ServiceMaxInFlight(20, 0), transport.ServiceMaxMetadata(10, 1000))
		defer stop()
		pool, call := pooled(t, p, muxpool.WithDialContext(pipes.DialContext), "/t/Echo")
		defer pool.Close()
		a := &attacker{p: p, script: s, dial: func() net.Conn { return pipes.dial(t) }}
		var own nonces
		for steps := 0; !s.done() && steps < 100; steps++ {
			a.step()
			if err := honestCall(call, own.next(steps), 2*time.Second); err != nil {
				t.Fatalf("an honest call: %v", err)
			}
			if n := service.Stats().Bytes; n > budget+queued+frame {
				t.Fatalf("%d bytes are held", n)
			}
		}
		a.end()
		pool.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if stats := service.Stats(); stats.Conns != 0 || stats.InFlight != 0 || stats.Bytes != 0 {
			t.Fatalf("left are %+v", stats)
		}
	})
}

// attacker is a client that does what a script says.
type attacker struct {
	p      transport.ServerProtocol
	script *script
	dial   func() net.Conn
	nc     net.Conn
	reads  bool
}

const attackSteps = 13

func (a *attacker) step() {
	if a.nc == nil {
		a.nc = a.dial()
		a.reads = false
	}
	id := uint32(a.script.next()) + 1
	switch a.script.next() % attackSteps {
	case 0:
		a.send(a.request(id, "/t/Echo", int(a.script.next())))
	case 1:
		a.send(a.request(id, "/t/Hold", int(a.script.next())<<7))
	case 2:
		for n := range uint32(a.script.next()) { // a flood
			a.send(a.request(id+n, "/t/Hold", 30<<10))
		}
	case 3:
		a.send(a.request(id, "/t/Panic", 3))
	case 4:
		if c, ok := a.p.(transport.Canceler); ok {
			a.send(c.AppendCancel(nil, id))
		}
	case 5:
		if k, ok := a.p.(muxpool.KeepAliver); ok {
			a.send(k.AppendKeepAlive(nil, id))
		}
	case 6:
		if s, ok := a.p.(muxpool.Settler); ok {
			a.send(s.AppendSettings(nil, muxpool.Settings{MaxFrameSize: int(a.script.next()), MaxCalls: int(a.script.next())}))
		}
	case 7: // a byte of a good frame is another
		b := a.request(id, "/t/Echo", 40)
		b[int(a.script.next())%len(b)] = a.script.next()
		a.send(b)
	case 8: // half a frame
		b := a.request(id, "/t/Echo", 40<<10)
		a.send(b[:len(b)*int(a.script.next())/256])
	case 9: // over the limit
		a.send(a.request(id, "/t/Echo", 65<<10+int(a.script.next())<<12))
	case 10:
		a.send(a.script.bytes(int(a.script.next())))
	case 11:
		if !a.reads {
			a.reads = true
			go func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }(a.nc)
		}
		time.Sleep(time.Duration(a.script.next()) * 10 * time.Millisecond) // of bubble time
	case 12:
		a.end()
	}
}

// send writes what the server takes at once: it may wait for the attacker to read.
func (a *attacker) send(b []byte) {
	if a.nc == nil {
		return
	}
	_ = a.nc.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := a.nc.Write(b); err != nil {
		a.end()
	}
}

func (a *attacker) end() {
	if a.nc != nil {
		_ = a.nc.Close()
		a.nc = nil
	}
}

func (a *attacker) request(id uint32, method string, size int) []byte {
	frame, err := a.p.AppendRequest(nil, id, &transport.Message{Method: method, Body: make([]byte, size),
		Metadata: map[string]string{"k": "v"}})
	if err != nil {
		panic(err)
	}
	return frame
}

func FuzzAttackerNative(f *testing.F) { fuzzAttacker(f, native.Protocol{}) }

func FuzzAttackerTRPC(f *testing.F) { fuzzAttacker(f, trpc.Protocol{}) }
