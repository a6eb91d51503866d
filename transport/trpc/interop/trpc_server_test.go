package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	trpc "trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/server"
	trpcpb "trpc.group/trpc/trpc-protocol/pb/go/trpc"
)

// service is what methods begin with, on the real server and on ours.
const service = "/muxkit.Interop/"

// idleTimeout is the environment variable with the idle timeout of the real server.
const idleTimeout = "MUXKIT_TRPC_IDLE"

// seen is what a server saw of a request.
type seen struct {
	Func, Caller, Callee string
	ContentType          uint32
	RequestID            uint32
	RemainingMS          int64 // -1: no deadline
	Metadata             map[string]string
}

// serveAsTrpcGo is the real server. It writes its address to peerOut.
func serveAsTrpcGo() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	idle := 60 * time.Second // trpc-go's default
	if s := os.Getenv(idleTimeout); s != "" {
		if idle, err = time.ParseDuration(s); err != nil {
			panic(err)
		}
	}
	s := server.New(
		server.WithServiceName("muxkit.Interop"),
		server.WithListener(l),
		server.WithAddress(l.Addr().String()),
		server.WithNetwork("tcp"),
		server.WithProtocol("trpc"),
		server.WithServerAsync(true),
		server.WithIdleTimeout(idle),
		server.WithCurrentSerializationType(codec.SerializationTypeNoop),
	)
	desc := &server.ServiceDesc{ServiceName: "muxkit.Interop"}
	for name, f := range methods {
		desc.Methods = append(desc.Methods, server.Method{Name: service + name, Func: handler(f)})
	}
	if err := s.Register(desc, nil); err != nil {
		panic(err)
	}
	go func() {
		out := os.NewFile(peerOut, "out")
		fmt.Fprintln(out, l.Addr())
		out.Close()
	}()
	go func() { panic(s.Serve()) }()
	exitWithParent()
}

// handler makes of f what protoc would generate.
func handler(f func(context.Context, []byte) ([]byte, error)) func(any, context.Context, server.FilterFunc) (any, error) {
	return func(_ any, ctx context.Context, filter server.FilterFunc) (any, error) {
		req := new(codec.Body)
		filters, err := filter(req)
		if err != nil {
			return nil, err
		}
		return filters.Filter(ctx, req, func(ctx context.Context, req any) (any, error) {
			answer, err := f(ctx, req.(*codec.Body).Data)
			if err != nil {
				return nil, err
			}
			return &codec.Body{Data: answer}, nil
		})
	}
}

var methods = map[string]func(context.Context, []byte) ([]byte, error){
	"Echo":     echo,
	"Describe": describe,
	"Hold":     hold,
	"Arrived":  func(ctx context.Context, key []byte) ([]byte, error) { return key, gateOf(key).arrived.wait(ctx) },
	"Ended":    func(ctx context.Context, key []byte) ([]byte, error) { return key, gateOf(key).ended.wait(ctx) },
	"Release":  func(_ context.Context, key []byte) ([]byte, error) { gateOf(key).release.open(); return key, nil },
	"Note":     func(_ context.Context, key []byte) ([]byte, error) { gateOf(key).arrived.open(); return key, nil },
	"Business": func(_ context.Context, b []byte) ([]byte, error) {
		return nil, errs.New(number(b), "business "+string(b))
	},
	"Framework": func(_ context.Context, b []byte) ([]byte, error) {
		return nil, errs.NewFrameError(number(b), "framework "+string(b))
	},
	"Plain": func(_ context.Context, b []byte) ([]byte, error) { return nil, errors.New("plain " + string(b)) },
}

func number(b []byte) int {
	n, err := strconv.Atoi(string(b))
	if err != nil {
		panic(err)
	}
	return n
}

// echo answers with the body and the attachment; trpc-go itself sends the metadata
// back.
func echo(ctx context.Context, b []byte) ([]byte, error) {
	a := server.GetAttachment(codec.Message(ctx))
	beside, err := io.ReadAll(a.Request())
	if err != nil {
		return nil, err
	}
	a.SetResponse(bytes.NewReader(beside))
	trpc.SetMetaData(ctx, "answered-by", []byte("trpc-go"))
	return b, nil
}

func describe(ctx context.Context, _ []byte) ([]byte, error) {
	msg := codec.Message(ctx)
	head := msg.ServerReqHead().(*trpcpb.RequestProtocol)
	s := seen{
		Func: string(head.Func), Caller: string(head.Caller), Callee: string(head.Callee),
		ContentType: head.ContentType, RequestID: head.RequestId, RemainingMS: -1, Metadata: map[string]string{},
	}
	if deadline, ok := ctx.Deadline(); ok {
		s.RemainingMS = time.Until(deadline).Milliseconds()
	}
	for name, value := range msg.ServerMetaData() {
		s.Metadata[name] = string(value)
	}
	return json.Marshal(s)
}

// hold answers when it is released or its context ends.
func hold(ctx context.Context, key []byte) ([]byte, error) {
	g := gateOf(key)
	g.arrived.open()
	defer g.ended.open()
	return key, g.release.wait(ctx)
}

// gate is where calls with a key meet.
type gate struct{ arrived, release, ended latch }

var gates sync.Map // key string -> *gate

func gateOf(key []byte) *gate {
	g, _ := gates.LoadOrStore(string(key), &gate{newLatch(), newLatch(), newLatch()})
	return g.(*gate)
}

// latch is opened once.
type latch struct {
	once   *sync.Once
	opened chan struct{}
}

func newLatch() latch { return latch{new(sync.Once), make(chan struct{})} }

func (l latch) open() { l.once.Do(func() { close(l.opened) }) }

func (l latch) wait(ctx context.Context) error {
	select {
	case <-l.opened:
		return nil
	case <-ctx.Done():
		return errs.NewFrameError(errs.RetServerTimeout, "the context ended")
	}
}
