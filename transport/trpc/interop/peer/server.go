package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	trpc "trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/server"
	"trpc.group/trpc-go/trpc-go/transport"
	trpcpb "trpc.group/trpc/trpc-protocol/pb/go/trpc"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport/trpc/interop"
)

// serve is the real server.
func serve(address string, idle time.Duration, goNet bool) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	options := []server.Option{
		server.WithServiceName("muxkit.Interop"),
		server.WithListener(l),
		server.WithAddress(l.Addr().String()),
		server.WithNetwork("tcp"),
		server.WithProtocol("trpc"),
		server.WithServerAsync(true),
		server.WithIdleTimeout(idle),
		server.WithCurrentSerializationType(codec.SerializationTypeNoop),
	}
	if goNet {
		options = append(options, server.WithTransport(transport.DefaultServerTransport))
	}
	s := server.New(options...)
	desc := &server.ServiceDesc{ServiceName: "muxkit.Interop"}
	for name, f := range methods {
		desc.Methods = append(desc.Methods, server.Method{Name: interop.Service + name, Func: handler(f)})
	}
	if err := s.Register(desc, nil); err != nil {
		panic(err)
	}
	peertest.TellAddress(l.Addr())
	panic(s.Serve())
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

var gates peertest.Gates

var methods = map[string]func(context.Context, []byte) ([]byte, error){
	"Echo":     echo,
	"Describe": describe,
	"Hold": func(ctx context.Context, key []byte) ([]byte, error) {
		return key, timedOut(gates.Hold(ctx, string(key)))
	},
	"Arrived": func(ctx context.Context, key []byte) ([]byte, error) {
		return key, timedOut(gates.Of(string(key)).Arrived.Wait(ctx))
	},
	"Ended": func(ctx context.Context, key []byte) ([]byte, error) {
		return key, timedOut(gates.Of(string(key)).Ended.Wait(ctx))
	},
	"Release": func(_ context.Context, key []byte) ([]byte, error) {
		gates.Of(string(key)).Release.Open()
		return key, nil
	},
	"Note": func(_ context.Context, key []byte) ([]byte, error) {
		gates.Of(string(key)).Arrived.Open()
		return key, nil
	},
	"Business": func(_ context.Context, b []byte) ([]byte, error) {
		return nil, errs.New(number(b), "business "+string(b))
	},
	"Framework": func(_ context.Context, b []byte) ([]byte, error) {
		return nil, errs.NewFrameError(number(b), "framework "+string(b))
	},
	"Plain": func(_ context.Context, b []byte) ([]byte, error) { return nil, errors.New("plain " + string(b)) },
}

// timedOut makes of a context's error what trpc-go's own code makes of it.
func timedOut(err error) error {
	if err == nil {
		return nil
	}
	return errs.NewFrameError(errs.RetServerTimeout, err.Error())
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
	s := interop.Seen{
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
