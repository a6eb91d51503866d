package endpoint

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"go/version"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/ttheader"
)

var update = flag.Bool("update", false, "write testdata/allocs.txt anew")

// allocsFile has the version of Go that it was written with, as "go1.26", and a line for each way to
// make a call: its name, objects and bytes that a call allocates.
const allocsFile = "testdata/allocs.txt"

// What a measurement may differ by: a pool that is filled anew is some hundredths of an object a
// call, and up to 5 bytes. An object's next larger size is 16 bytes away, but for those below 32.
const (
	objectsApart = 0.1
	bytesApart   = 10
)

// A call allocates what is committed in testdata/allocs.txt, neither more nor, so that the next
// one who adds to it is noticed, less. After a change that is meant:
//
//	go test ./endpoint -run AllocationsOfEachWay -update
func TestAllocationsOfEachWay(t *testing.T) {
	if testing.CoverMode() != "" || raceEnabled || strconv.IntSize != 64 {
		t.Skip("coverage counts, the race detector makes sync.Pool forget on purpose, and the figures are those of 64 bits")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection would empty the pools
	now := version.Lang(runtime.Version())
	text := now + "\n"
	writtenWith, committed := readAllocs(t)
	for _, way := range waysToCall(t) {
		objects, bytes := costOf(t, way.call)
		text += fmt.Sprintf("%s: %.2f objects, %.0f bytes\n", way.name, objects, bytes)
		if *update {
			continue
		}
		was, known := committed[way.name]
		delete(committed, way.name)
		// Go's own objects, as of package context, are of other sizes in other versions.
		resized := now == writtenWith && math.Abs(bytes-was.bytes) > bytesApart
		if !known || math.Abs(objects-was.objects) > objectsApart || resized {
			t.Errorf("%s: %.2f objects and %.0f bytes a call, %.2f and %.0f are committed in %s", way.name, objects, bytes, was.objects, was.bytes, allocsFile)
		}
	}
	for name := range committed {
		t.Errorf("%s has %q, which is not measured", allocsFile, name)
	}
	if *update {
		if err := os.WriteFile(allocsFile, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

type allocs struct{ objects, bytes float64 }

func readAllocs(t *testing.T) (writtenWith string, known map[string]allocs) {
	known = map[string]allocs{}
	if *update {
		return "", known
	}
	text, err := os.ReadFile(allocsFile)
	if err != nil {
		t.Fatal(err)
	}
	writtenWith, lines, _ := strings.Cut(string(text), "\n")
	for line := range strings.Lines(lines) {
		name, figures, _ := strings.Cut(line, ": ")
		var a allocs
		if _, err := fmt.Sscanf(figures, "%f objects, %f bytes", &a.objects, &a.bytes); err != nil {
			t.Fatalf("%s: %q: %v", allocsFile, line, err)
		}
		known[name] = a
	}
	return writtenWith, known
}

// costOf is what a call allocates in the whole process: the least of several measurements, since
// others of the runtime's goroutines may have work of their own.
func costOf(t *testing.T, call func(ctx context.Context) error) (objects, bytes float64) {
	const calls, measurements = 1000, 4
	objects, bytes = math.Inf(1), math.Inf(1)
	for range measurements {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range calls {
			if err := call(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		objects = min(objects, float64(after.Mallocs-before.Mallocs)/calls)
		bytes = min(bytes, float64(after.TotalAlloc-before.TotalAlloc)/calls)
	}
	return objects, bytes
}

type way struct {
	name string
	call func(ctx context.Context) error
}

// waysToCall is a pool by itself, a server by itself, and a Client with and without the chain, in the native protocol
// and in Thrift's, of 128 bytes each, without a deadline of its own and with each that there is.
func waysToCall(t *testing.T) (ways []way) {
	cheap := func(name string, call func(ctx context.Context) error) way {
		return way{name + ", deadline.WithTimeout", func(ctx context.Context) error {
			ctx, cancel := deadline.WithTimeout(ctx, time.Minute)
			defer cancel()
			return call(ctx)
		}}
	}
	add := func(name string, call func(ctx context.Context) error) {
		ways = append(ways, way{name, call}, cheap(name, call), way{name + ", context.WithTimeout", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return call(ctx)
		}})
	}
	add("pool", poolCall(t))
	w := newWorld(t, native.Protocol{})
	request := transport.NewBuffer(128)
	of := func(ep endpoint.Endpoint) func(context.Context) error {
		return func(ctx context.Context) error {
			answer, err := ep(ctx, request)
			if err == nil {
				answer.(*transport.Buffer).Release()
			}
			return err
		}
	}
	add("Client and Service", of(w.client.Endpoint()))
	add("chain and Service", of(w.chain(t)))
	ways = append(ways, cheap("Client and Service, ttheader", of(newWorld(t, ttheader.Protocol{Caller: "cart", Callee: "price", Service: "Price"}).client.Endpoint())))
	return append(ways, way{"Service", serviceCall(t)}, way{"Service, inline", serviceCall(t, transport.ServerInline())})
}

// poolCall is a call of the pool alone, of a peer that allocates nothing.
func poolCall(t *testing.T) func(context.Context) error {
	l := listen(t)
	address := l.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { echoBytes(nc) })
		}
	})
	t.Cleanup(func() { l.Close(); bounded.Wait(t, wg.Wait) })
	pool, opts := newPool(t), muxpool.NewGetOptions() // which is closed first
	opts.WithFrameParser(lengthParser{})
	frame := make([]byte, 8+128)
	binary.BigEndian.PutUint32(frame, 128)
	return func(ctx context.Context) error {
		mc, err := pool.GetMuxConn(ctx, "tcp", address, opts)
		if err != nil {
			return err
		}
		defer mc.Close()
		binary.BigEndian.PutUint32(frame[4:], mc.VID())
		if err := mc.Write(frame); err != nil {
			return err
		}
		answer, err := mc.Read()
		muxpool.Release(answer)
		return err
	}
}

func echoBytes(nc net.Conn) {
	defer nc.Close()
	b := make([]byte, 4096)
	for {
		n, err := nc.Read(b)
		if err == nil {
			_, err = nc.Write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

// lengthParser reads frames of a length, an id, and so many bytes.
type lengthParser struct{}

func (lengthParser) Parse(r io.Reader) (uint32, []byte, error) {
	fr := r.(muxpool.FrameReader)
	head, err := fr.Peek(8)
	if err != nil {
		return 0, nil, err
	}
	id, n := binary.BigEndian.Uint32(head[4:]), int(binary.BigEndian.Uint32(head))
	b, err := fr.Alloc(8 + n)
	if err == nil {
		_, err = io.ReadFull(fr, b)
	}
	return id, b, err
}

// serviceCall is a call of a Service from a client that allocates nothing.
func serviceCall(t *testing.T, options ...transport.ServerOption) func(context.Context) error {
	l := listen(t)
	s := transport.NewService(native.Protocol{})
	s.Handle("Echo", transport.NewServer(answerRequest, transport.DecodeBuffer, transport.EncodeResponseBuffer, options...))
	serveOn(t, s, l)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	request, err := native.Protocol{}.AppendRequest(nil, 1, &transport.Message{Method: "Echo", Body: make([]byte, 128), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(answer []byte) error {
		if _, err := nc.Write(request); err != nil {
			return err
		}
		_, err := io.ReadFull(nc, answer)
		return err
	}
	response, err := native.Protocol{}.AppendResponse(nil, 1, nil, &transport.Message{Body: make([]byte, 128)})
	if err != nil {
		t.Fatal(err)
	}
	// The server's settings come in front of the first frame, here a pong.
	_, err = nc.Write(native.Protocol{}.AppendKeepAlive(nil, 1))
	for range 2 {
		if err == nil {
			_, _, err = native.Protocol{}.Parse(nc)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len(response))
	return func(context.Context) error { return exchange(answer) }
}
