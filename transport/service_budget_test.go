package transport_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// heap is what is in use once the garbage is gone, in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// announcing is the beginning of a frame of n bytes.
var announcing = map[string]func(n uint32) []byte{
	"native": func(n uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, n-4)
		return append(b, 2, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0)
	},
	"trpc": func(n uint32) []byte {
		b := binary.BigEndian.AppendUint32([]byte{0x09, 0x30, 0, 0}, n)
		return append(b, 0, 8, 0, 0, 0, 7, 1, 0)
	},
}

// TestMemoryFollowsTheBytesThatCame: 400 connections that announce 4 MiB each and send 16
// bytes take next to nothing.
func TestMemoryFollowsTheBytesThatCame(t *testing.T) {
	const conns = 400
	for name, header := range announcing {
		t.Run(name, func(t *testing.T) {
			s := serveProtocol(t, marking[name], map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceFrameTimeout(waitTime))
			before := heap()
			for range conns {
				nc, err := net.Dial("tcp", s.node.Address)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				if _, err := nc.Write(header(4 << 20)); err != nil {
					t.Fatal(err)
				}
			}
			for begin := time.Now(); s.Stats().Conns < conns; runtime.Gosched() {
				if time.Since(begin) > waitTime {
					t.Fatalf("%d of %d connections are open", s.Stats().Conns, conns)
				}
			}
			time.Sleep(50 * time.Millisecond) // for what should not happen
			if grown := heap() - before; grown > 32<<20 {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
		})
	}
}

// TestFramesOfAllSizesFit: up to the limit a frame is taken whatever its size.
func TestFramesOfAllSizesFit(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxFrameSize(2<<20))
	call := rawClient(newPool(t), s.node, "M")
	for _, n := range []int{0, 1, 1 << 10, 16 << 10, 16<<10 - 17, 100_000, 1 << 20, 2<<20 - 64} {
		body := bytes.Repeat([]byte{byte(n), 1, 2}, n/3+1)[:n]
		got, err := call(testContext(t), body)
		if err != nil || !bytes.Equal(got.([]byte), body) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestBytesInFlightAreBounded: one client that keeps as many large calls in flight as it
// can gets most of the budget, what is beyond is refused unrun, and another is served.
func TestBytesInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget, size, calls = 32 << 20, 256 << 10, 1000
		release := make(chan struct{})
		var running atomic.Int64
		methods := blocking(&running, release)
		methods["Echo"] = rawServer(echo)
		p, s, stop := servePipes(t, methods, transport.ServiceMaxBytes(0, budget), transport.ServiceMaxFrameSize(1<<20))
		defer stop()
		greedy, modest := p.dial(t), p.dial(t)
		answers := readAll(greedy)
		body := strings.Repeat("x", size-64)
		for i := range uint32(calls) {
			if _, err := greedy.Write(request(t, i+1, "M", body)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		stats := s.Stats()
		if n := running.Load(); n < budget*3/4/(size+8<<10) || n > budget/size || int(n)+len(answers) != calls {
			t.Errorf("%d calls of %d bytes run, %d are answered", n, size, len(answers))
		}
		if stats.Bytes > budget || int(stats.Refused.Bytes) != len(answers) {
			t.Errorf("%d bytes are in use, %d calls refused", stats.Bytes, stats.Refused.Bytes)
		}
		for range len(answers) {
			if a := bounded.Receive(t, answers); !refusedAnswer(a) {
				t.Fatalf("got %+v", a)
			}
		}
		for id := range uint32(100) { // small calls of somebody else
			if _, err := modest.Write(request(t, id+1, "Echo", "x")); err != nil {
				t.Fatal(err)
			}
			if a, err := readAnswer(modest); err != nil || a.body != "x" {
				t.Fatalf("the other client got %+v, %v", a, err)
			}
		}
		left := running.Load()
		close(release)
		for range left {
			bounded.Receive(t, answers)
		}
		greedy.Close()
		modest.Close()
		synctest.Wait()
		if stats := s.Stats(); stats.Bytes != 0 || stats.InFlight != 0 {
			t.Errorf("in the end the figures are %+v", stats)
		}
	})
}

// TestHeapStaysNearTheBudget: what is counted is what is there.
func TestHeapStaysNearTheBudget(t *testing.T) {
	const budget, size, calls = 16 << 20, 1<<20 - 100, 200
	var running atomic.Int64
	release := make(chan struct{})
	s := serve(t, blocking(&running, release), transport.ServiceMaxBytes(0, budget), transport.ServiceMaxFrameSize(1<<20))
	defer close(release)
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	answers := readAll(nc)
	body := strings.Repeat("x", size)
	before := heap()
	for i := range uint32(calls) {
		if _, err := nc.Write(request(t, i+1, "M", body)); err != nil {
			t.Fatal(err)
		}
	}
	for start := time.Now(); int(running.Load())+len(answers) < calls; time.Sleep(time.Millisecond) {
		if time.Since(start) > waitTime {
			t.Fatalf("%d calls run, %d are answered", running.Load(), len(answers))
		}
	}
	if grown := heap() - before; running.Load() < 8 || grown > 2*budget {
		t.Errorf("%d calls run, the heap has grown by %d bytes where %d are allowed", running.Load(), grown, budget)
	}
}

// TestPeersShareUnderPressure: two that want everything get about the same in the end.
func TestPeersShareUnderPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget, size = 8 << 20, 64 << 10
		running := make(map[string]*atomic.Int64)
		for _, who := range []string{"first", "second"} {
			running[who] = new(atomic.Int64)
		}
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			who := running[strings.TrimRight(string(r.([]byte)), ".")]
			who.Add(1)
			defer who.Add(-1)
			time.Sleep(time.Second)
			return []byte("x"), nil
		})}, transport.ServiceMaxBytes(0, budget), transport.ServiceMaxFrameSize(1<<20))
		defer stop()
		end := make(chan struct{})
		client := func(who string) {
			nc := p.dial(t)
			go func() {
				defer nc.Close()
				body := who + strings.Repeat(".", size-100-len(who))
				for id := uint32(1); ; id++ {
					select {
					case <-end:
						return
					case <-time.After(4 * time.Millisecond):
					}
					if _, err := nc.Write(request(t, id, "M", body)); err != nil {
						return
					}
				}
			}()
			go readAll(nc)
		}
		client("first")
		time.Sleep(5 * time.Second)
		if n := running["first"].Load() * size; n < budget/2 {
			t.Errorf("alone, one has %d bytes of %d", n, budget)
		}
		client("second")
		time.Sleep(5 * time.Second)
		first, second := running["first"].Load(), running["second"].Load()
		if min(first, second)*3 < max(first, second)*2 || (first+second)*size < budget/2 {
			t.Errorf("%d calls of the first run, %d of the second", first, second)
		}
		close(end)
		time.Sleep(2 * time.Second)
	})
}

// TestAnswersNobodyReadsAreCounted: the echoes of a client that reads nothing take a
// bounded memory, and what is beyond is refused.
func TestAnswersNobodyReadsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 16 << 20
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxBytes(0, budget),
			transport.ServiceMaxFrameSize(1<<20), transport.ServiceMaxQueuedBytes(8<<20), transport.ServiceWriteTimeout(time.Minute))
		defer stop()
		nc := p.dial(t)
		body := strings.Repeat("x", 60<<10)
		go func() {
			for i := range uint32(4000) {
				if _, err := nc.Write(request(t, i+1, "M", body)); err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		stats := s.Stats()
		// One batch is being written, one waits; the requests fill the rest.
		if stats.Bytes < budget/2 || stats.Bytes > budget+8<<20 || stats.Refused.Bytes == 0 {
			t.Errorf("the figures are %+v", stats)
		}
		nc.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if stats := s.Stats(); stats.Bytes != 0 || stats.InFlight != 0 {
			t.Errorf("in the end the figures are %+v", stats)
		}
	})
}

// TestMetadataIsBounded: more pairs or bytes than allowed fail that call, unrun, before
// anything is made of them.
func TestMetadataIsBounded(t *testing.T) {
	pairs := func(n, size int) transport.Metadata {
		md := make(transport.Metadata)
		for i := range n {
			md[fmt.Sprintf("%0*d", size, i)] = ""
		}
		return md
	}
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(echo)}, transport.ServiceMaxMetadata(100, 10_000))
			pool := newPool(t)
			call := func(md transport.Metadata) error {
				_, err := transport.NewClient(pool, s.node, p, "/s/M", transport.EncodeBytes, transport.DecodeBytes,
					transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
						m.Metadata = md
						return ctx
					})).Endpoint()(testContext(t), []byte("x"))
				return err
			}
			for limit, md := range map[string]transport.Metadata{"at most 100": pairs(101, 5), "at most 10000": pairs(90, 200)} {
				e := asError(t, call(md))
				if e.Code != transport.CodeTooLarge || !e.NotRun || !strings.Contains(e.Message, limit) {
					t.Errorf("got %v, not run %v", e, e.NotRun)
				}
			}
			if err := call(pairs(99, 50)); err != nil {
				t.Errorf("within the limits: %v", err)
			}
			if n := s.Stats().Refused.Metadata; n != 2 {
				t.Errorf("%d are counted", n)
			}
		})
	}
}

// TestPairsOfNothingCostNothing: 65,535 empty pairs are refused without the memory of a
// map of them.
func TestPairsOfNothingCostNothing(t *testing.T) {
	s := serve(t, map[string]*transport.Server{"M": rawServer(echo)})
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	frame := request(t, 7, "M", "")
	frame = append(frame, make([]byte, 4*65_535)...)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	binary.BigEndian.PutUint16(frame[14:], 65_535)
	exchange := func() {
		if _, err := nc.Write(frame); err != nil {
			t.Fatal(err)
		}
		var e *transport.Error
		if a, err := readAnswer(nc); err != nil || !errors.As(a.err, &e) || e.Code != transport.CodeTooLarge || !e.NotRun {
			t.Fatalf("got %+v, %v", a, err)
		}
	}
	exchange()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	exchange()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(4*len(frame)) {
		t.Errorf("%d bytes are allocated for a frame of %d", n, len(frame))
	}
}

// packing is the native protocol with bodies that unpack to a million times their size,
// at some cost, which is counted, and in the time that it takes to open one.
type packing struct {
	native.Protocol
	opened *atomic.Int64
	read   *atomic.Int64
	opens  time.Duration
}

func (p packing) ParseRequest(frame []byte, req *transport.Message) error {
	if err := p.Protocol.ParseRequest(frame, req); err != nil {
		return err
	}
	n := int64(len(req.Body)) << 20
	return req.Unpack(1<<30, func() (io.Reader, error) {
		p.opened.Add(1)
		time.Sleep(p.opens) // of bubble time
		return &countingReader{io.LimitReader(zeros{}, n), p.read}, nil
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type countingReader struct {
	io.Reader
	n *atomic.Int64
}

func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.n.Add(int64(n))
	return n, err
}

// TestWorkFollowsAdmission: a body is unpacked only for a call that is let in, of a method
// that there is, up to the operator's limit on frames, and counted.
func TestWorkFollowsAdmission(t *testing.T) {
	var opened, read atomic.Int64
	p := packing{opened: &opened, read: &read}
	release, inside := make(chan struct{}), make(chan int, 10)
	s := serveProtocol(t, p, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
		inside <- len(r.([]byte))
		<-release
		return []byte("x"), nil
	})}, transport.ServiceMaxInFlight(0, 1), transport.ServiceMaxFrameSize(1<<20+10))
	pool := newPool(t)
	call := func(method string, n int) error {
		_, err := rawClient(pool, s.node, method)(testContext(t), make([]byte, n))
		return err
	}
	if e := asError(t, call("N", 1)); e.Code != transport.CodeUnimplemented || opened.Load() != 0 {
		t.Errorf("got %v, unpacked %d times", e, opened.Load())
	}
	e := asError(t, call("M", 5))
	if e.Code != transport.CodeTooLarge || !e.NotRun || !strings.Contains(e.Message, fmt.Sprint(1<<20+10)) {
		t.Errorf("got %v, not run %v", e, e.NotRun)
	}
	if n := read.Load(); n > 2<<20 {
		t.Errorf("%d bytes are unpacked", n)
	}
	done := make(chan error, 1)
	go func() { done <- call("M", 1) }()
	if n := wait(t, "the handler", inside); n != 1<<20 {
		t.Errorf("the handler gets %d bytes", n)
	}
	if n := s.Stats().Bytes; n < 1<<20 {
		t.Errorf("%d bytes are counted", n)
	}
	before := opened.Load()
	if e := asError(t, call("M", 1)); e.Code != transport.CodeResourceExhausted || opened.Load() != before {
		t.Errorf("got %v, unpacked %d times", e, opened.Load()-before)
	}
	close(release)
	if err := wait(t, "the answer", done); err != nil {
		t.Error(err)
	}
	if stats := s.Stats(); stats.Refused.FrameTooLarge != 1 || stats.Refused.Calls != 1 || stats.Refused.Unknown != 1 {
		t.Errorf("the figures are %+v", stats.Refused)
	}
}

// generous does not know what its client says that it takes.
type generous struct{ native.Protocol }

func (generous) ReadSettings([]byte) (muxpool.Settings, error) { return muxpool.Settings{}, nil }

// reckless does not know what its server says that it takes.
type reckless struct{ native.Protocol }

func (reckless) ReadSettings([]byte) (muxpool.Settings, error) { return muxpool.Settings{}, nil }

// TestFrameOverTheLimitFailsItsCallAlone: a request over the server's limit, or an answer
// over the pool's, up to 16 times of it, fails alone; 50 of 50 other calls on the
// connection go on, and the error names size and limit.
func TestFrameOverTheLimitFailsItsCallAlone(t *testing.T) {
	const limit = 64 << 10
	clients := map[string]transport.Protocol{"native": reckless{}, "trpc": trpc.Protocol{}}
	servers := map[string]transport.ServerProtocol{"native": generous{}, "trpc": trpc.Protocol{}}
	for name, client := range clients {
		for _, side := range []string{"request", "answer"} {
			t.Run(name+" "+side, func(t *testing.T) {
				server := servers[name]
				options, pools := []transport.ServiceOption{}, []muxpool.PoolOption{muxpool.WithConnectNumber(1)}
				if side == "request" {
					options = append(options, transport.ServiceMaxFrameSize(limit))
				} else {
					pools = append(pools, muxpool.WithMaxFrameSize(limit))
				}
				release, running := make(chan struct{}), make(chan struct{}, 100)
				s := serveProtocol(t, server, map[string]*transport.Server{
					"/s/Wait": rawServer(func(_ context.Context, r any) (any, error) { running <- struct{}{}; <-release; return r, nil }),
					"/s/Big": rawServer(func(_ context.Context, r any) (any, error) {
						var n int
						_, _ = fmt.Sscan(string(r.([]byte)), &n)
						return make([]byte, n), nil
					}),
					"/s/Echo": rawServer(echo),
				}, options...)
				pool := newPool(t, pools...)
				call := func(method string, body []byte) error {
					_, err := transport.NewClient(pool, s.node, client, method, transport.EncodeBytes, transport.DecodeBytes).
						Endpoint()(testContext(t), body)
					return err
				}
				others := make(chan error, 50)
				for range 50 {
					go func() { others <- call("/s/Wait", []byte("x")) }()
				}
				for range 50 {
					wait(t, "a call", running)
				}
				for _, n := range []int{limit, 200_000, 15 * limit} {
					var e *transport.Error
					if side == "request" {
						e = asError(t, call("/s/Echo", make([]byte, n)))
						if !e.Remote || !e.NotRun {
							t.Errorf("got %v, remote %v, not run %v", e, e.Remote, e.NotRun)
						}
					} else if e = asError(t, call("/s/Big", fmt.Append(nil, n))); !errors.Is(e, muxpool.ErrFrameTooLarge) {
						t.Errorf("got %v", e)
					}
					if e.Code != transport.CodeTooLarge || !strings.Contains(e.Error(), fmt.Sprintf("at most %d ", limit)) ||
						!strings.Contains(e.Error(), fmt.Sprint(n)[:2]) {
						t.Errorf("%d bytes: %v", n, e)
					}
				}
				if err := call("/s/Echo", []byte("x")); err != nil {
					t.Errorf("after it: %v", err)
				}
				close(release)
				for range 50 {
					if err := bounded.Receive(t, others); err != nil {
						t.Errorf("another call: %v", err)
					}
				}
				if n := pool.Stats().ConnsClosed.Total(); n != 0 {
					t.Errorf("%d connections were lost", n)
				}
				if side == "request" && s.Stats().Refused.FrameTooLarge != 3 {
					t.Errorf("%+v", s.Stats().Refused)
				}
			})
		}
	}
}

// TestOneWayFrameOverTheLimitIsNotAnswered: the client has no call that waits for it, and
// may use the id for another.
func TestOneWayFrameOverTheLimitIsNotAnswered(t *testing.T) {
	for name, p := range marking {
		t.Run(name, func(t *testing.T) {
			s := serveProtocol(t, p, map[string]*transport.Server{"/s/M": rawServer(echo)}, transport.ServiceMaxFrameSize(1<<10))
			nc, err := net.Dial("tcp", s.node.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			frames, err := p.AppendRequest(nil, 7, &transport.Message{Method: "/s/M", OneWay: true, Body: make([]byte, 9<<10)})
			if err == nil {
				frames, err = p.AppendRequest(frames, 8, &transport.Message{Method: "/s/M", Body: []byte("x")})
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Write(frames); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetReadDeadline(time.Now().Add(waitTime))
			for {
				id, frame, err := p.Parse(nc)
				if err != nil || id == 7 {
					t.Fatalf("id %d, %v", id, err)
				}
				m := transport.Message{Method: "/s/M"}
				if id == 8 {
					if err := p.ParseResponse(frame, &m); err != nil || string(m.Body) != "x" {
						t.Errorf("got %q, %v", m.Body, err)
					}
					return
				}
			}
		})
	}
}

// TestFrameFarOverTheLimitEndsTheConnection: with an error that names size and limit.
func TestFrameFarOverTheLimitEndsTheConnection(t *testing.T) {
	s := serveProtocol(t, generous{}, map[string]*transport.Server{"Big": rawServer(func(context.Context, any) (any, error) {
		return make([]byte, 17<<10), nil
	})})
	pool := newPool(t, muxpool.WithMaxFrameSize(1<<10))
	_, err := rawClient(pool, s.node, "Big")(testContext(t), []byte{})
	if !errors.Is(err, muxpool.ErrFrameTooLarge) || !errors.Is(err, muxpool.ErrConnLost) ||
		!strings.Contains(err.Error(), "17424") || !strings.Contains(err.Error(), "1024") {
		t.Errorf("got %v", err)
	}
}

// TestFrameOverTheLimitHasAFramesTime: one that is passed over may take no longer than any.
func TestFrameOverTheLimitHasAFramesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxFrameSize(64<<10))
		defer stop()
		nc := p.dial(t)
		frame := request(t, 1, "M", strings.Repeat("x", 200<<10))
		go func() {
			for i := 0; i < len(frame); i += 1 << 10 {
				if _, err := nc.Write(frame[i:min(i+1<<10, len(frame))]); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		}()
		closesAfter(t, nc, 5*time.Second+64<<10*time.Second/(16<<10)) // and no more than for the largest that is allowed
		time.Sleep(time.Second)                                       // of the bubble's, for the writer to notice
	})
}

// TestFrameWithoutRoomEndsTheConnectionOnly: of a protocol that cannot measure its frames.
func TestFrameWithoutRoomEndsTheConnectionOnly(t *testing.T) {
	reports := make(chan error, 10)
	s := serveProtocol(t, jsonrpc.Protocol{}, map[string]*transport.Server{"A.Echo": rawServer(echo)}, transport.ServiceMaxFrameSize(1<<20),
		transport.ServiceMaxBytes(0, 2200<<10), transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
			func(_ context.Context, err error) { reports <- err })))
	part := []byte(`{"id":1,"method":"A.Echo","params":["` + strings.Repeat("x", 900<<10))
	var last net.Conn
	for range 5 {
		nc, err := net.Dial("tcp", s.node.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		go func() { _, _ = nc.Write(part) }()
		last = nc
	}
	if err := wait(t, "the report", reports); !strings.Contains(err.Error(), "too many bytes") {
		t.Errorf("reported %v", err)
	}
	if n := s.Stats().Bytes; n > 2200<<10 {
		t.Errorf("%d bytes are in use", n)
	}
	_ = last.Close()
	nc, err := net.Dial("tcp", s.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, `{"id":1,"method":"A.Echo","params":["x"]}`); err != nil {
		t.Fatal(err)
	}
	if _, frame, err := (jsonrpc.Protocol{}).Parse(nc); err != nil || !strings.Contains(string(frame), `"x"`) {
		t.Errorf("another connection got %s, %v", frame, err)
	}
}
