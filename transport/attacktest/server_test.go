package attacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// protocolEnv names the protocol of both sides, in protocols.
const protocolEnv = "MUXKIT_ATTACK_PROTOCOL"

var protocols = map[string]transport.ServerProtocol{"native": native.Protocol{}, "trpc": trpc.Protocol{}}

const (
	echoMethod = "/attack/Echo"
	holdMethod = "/attack/Hold" // answers after holdTime, whatever its context
	holdTime   = 300 * time.Millisecond
)

// figures are what a server says of itself, asked for "heap" once its garbage is gone.
type figures struct {
	Peak  int64 // bytes that it was resident with at most
	Heap  int64 // bytes in use
	CPU   time.Duration
	Late  time.Duration // the longest delay of a timer since the question before
	Stats transport.ServiceStats
}

// lateness finds out how late timers run in this process: one that gets no processor does
// nothing, and is not quiet for that.
type lateness struct{ longest atomic.Int64 }

func (l *lateness) watch() {
	const pause = 5 * time.Millisecond
	for {
		asleep := time.Now()
		time.Sleep(pause) // how late it ends is measured
		if late := int64(time.Since(asleep) - pause); late > l.longest.Load() {
			l.longest.Store(late)
		}
	}
}

// take is the longest since the last take.
func (l *lateness) take() time.Duration { return time.Duration(l.longest.Swap(0)) }

// frameEnv is the server's largest frame, in bytes, if it is not the default.
const frameEnv = "MUXKIT_ATTACK_FRAME"

// serverMain is a server with all defaults.
func serverMain() {
	raw := func(e func(context.Context, any) (any, error)) *transport.Server {
		return transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes)
	}
	frame, _ := strconv.Atoi(os.Getenv(frameEnv))
	s := transport.NewService(protocols[os.Getenv(protocolEnv)], transport.ServiceMaxFrameSize(frame), transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
		func(_ context.Context, err error) { fmt.Fprintln(os.Stderr, err) })))
	s.Handle(echoMethod, raw(func(_ context.Context, r any) (any, error) { return r, nil }))
	s.Handle(holdMethod, raw(func(_ context.Context, r any) (any, error) { time.Sleep(holdTime); return r, nil })) // a handler at work
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() { _ = s.Serve(l) }()
	var late lateness
	go late.watch()
	fmt.Println(l.Addr())
	answers(func(question string) string {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return err.Error()
		}
		var m runtime.MemStats
		if question == "heap" {
			runtime.GC()
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		text, _ := json.Marshal(figures{field(string(status), "VmHWM:") << 10, int64(m.HeapAlloc), cpuTime("self"), late.take(), s.Stats()})
		return string(text)
	})
	_ = s.Close()
}

// field is a figure of /proc/self/status, in KiB.
func field(status, name string) (kib int64) {
	_, rest, _ := strings.Cut(status, name)
	_, _ = fmt.Sscan(rest, &kib)
	return kib
}
