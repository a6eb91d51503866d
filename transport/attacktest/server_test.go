package attacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
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

// serverMain is a server with all defaults.
func serverMain() {
	raw := func(e func(context.Context, any) (any, error)) *transport.Server {
		return transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes)
	}
	s := transport.NewService(protocols[os.Getenv(protocolEnv)], transport.ServiceErrorHandler(kittransport.ErrorHandlerFunc(
		func(_ context.Context, err error) { fmt.Fprintln(os.Stderr, err) })))
	s.Handle(echoMethod, raw(func(_ context.Context, r any) (any, error) { return r, nil }))
	s.Handle(holdMethod, raw(func(_ context.Context, r any) (any, error) { time.Sleep(holdTime); return r, nil }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() { _ = s.Serve(l) }()
	fmt.Println(l.Addr())
	answers(func(string) string {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return err.Error()
		}
		stats, _ := json.Marshal(s.Stats())
		return fmt.Sprintf("%d %s", field(string(status), "VmHWM:")<<10, stats)
	})
	_ = s.Close()
}

// field is a figure of /proc/self/status, in KiB.
func field(status, name string) (kib int64) {
	_, rest, _ := strings.Cut(status, name)
	_, _ = fmt.Sscan(rest, &kib)
	return kib
}
