package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/limit"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport/ttheader/interop"
)

// serve is the real server. A line that it is sent stops it.
func serve(address string, mux, contextTimeout bool, qps int) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	options := []server.Option{
		server.WithListener(l),
		server.WithServerBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: interop.Callee}),
		server.WithMetaHandler(transmeta.ServerTTHeaderHandler),
		server.WithMetaHandler(transmeta.MetainfoServerHandler),
		server.WithMetaHandler(keepInfo{}),
		server.WithEnableContextTimeout(contextTimeout),
		server.WithExitWaitTime(5 * time.Second),
	}
	if mux {
		options = append(options, server.WithMuxTransport())
	}
	if qps > 0 {
		options = append(options, server.WithLimit(&limit.Option{MaxQPS: qps}))
	}
	s := server.NewServer(options...)
	if err := s.RegisterService(service(), new(struct{})); err != nil {
		panic(err)
	}
	go func() {
		in, _ := peertest.Files()
		if _, err := bufio.NewReader(in).ReadString('\n'); err == nil {
			_ = s.Stop()
		}
	}()
	peertest.TellAddress(l.Addr())
	if err := s.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	select {}
}

// service is what Kitex's generator makes of the IDL.
func service() *serviceinfo.ServiceInfo {
	info := &serviceinfo.ServiceInfo{
		ServiceName: interop.Service, HandlerType: (*struct{})(nil), PayloadCodec: serviceinfo.Thrift,
		Methods: map[string]serviceinfo.MethodInfo{}, Extra: map[string]any{"PackageName": "interop"},
	}
	for name, f := range methods {
		handler := func(ctx context.Context, _, a, r any) error {
			text, err := f(ctx, a.(*args).Text)
			if r, ok := r.(*result); ok && err == nil {
				r.Text = &text
			}
			return err
		}
		info.Methods[name] = serviceinfo.NewMethodInfo(handler, func() any { return new(args) }, func() any { return new(result) }, name == "Note")
	}
	return info
}

var gates peertest.Gates

var methods = map[string]func(context.Context, string) (string, error){
	"Echo": func(ctx context.Context, text string) (string, error) {
		metainfo.SendBackwardValue(ctx, "answered-by", "kitex")
		if v, ok := metainfo.GetValue(ctx, "NONCE"); ok {
			metainfo.SendBackwardValue(ctx, "nonce", v)
		}
		return text, nil
	},
	"Hold": func(ctx context.Context, key string) (string, error) { return key, gates.Hold(ctx, key) },
	"Slow": func(_ context.Context, key string) (string, error) {
		gates.Of(key).Arrived.Open()
		time.Sleep(time.Second)
		return key, nil
	},
	"Arrived":  func(ctx context.Context, key string) (string, error) { return key, gates.Of(key).Arrived.Wait(ctx) },
	"Ended":    func(ctx context.Context, key string) (string, error) { return key, gates.Of(key).Ended.Wait(ctx) },
	"Release":  func(_ context.Context, key string) (string, error) { gates.Of(key).Release.Open(); return key, nil },
	"Note":     func(_ context.Context, key string) (string, error) { gates.Of(key).Arrived.Open(); return "", nil },
	"Describe": describe,
	"Business": func(_ context.Context, text string) (string, error) {
		return "", kerrors.NewBizStatusErrorWithExtra(int32(number(text)), "business "+text, map[string]string{"k": "v"})
	},
	"Exception": func(_ context.Context, text string) (string, error) {
		return "", remote.NewTransErrorWithMsg(int32(number(text)), "exception "+text)
	},
	"Plain": func(_ context.Context, text string) (string, error) { return "", errors.New("plain " + text) },
	"Panic": func(_ context.Context, text string) (string, error) { panic(text) },
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

type infoKey struct{}

// keepInfo keeps what the header of a request says for Describe.
type keepInfo struct{}

func (keepInfo) WriteMeta(ctx context.Context, _ remote.Message) (context.Context, error) {
	return ctx, nil
}

func (keepInfo) ReadMeta(ctx context.Context, m remote.Message) (context.Context, error) {
	s := interop.Seen{Strings: map[string]string{}, Numbers: map[uint16]string{}}
	for k, v := range m.TransInfo().TransStrInfo() {
		s.Strings[k] = v
	}
	for k, v := range m.TransInfo().TransIntInfo() {
		s.Numbers[k] = v
	}
	return context.WithValue(ctx, infoKey{}, s), nil
}

func describe(ctx context.Context, _ string) (string, error) {
	s, _ := ctx.Value(infoKey{}).(interop.Seen)
	s.RemainingMS = -1
	if deadline, ok := ctx.Deadline(); ok {
		s.RemainingMS = time.Until(deadline).Milliseconds()
	}
	s.From = rpcinfo.GetRPCInfo(ctx).From().ServiceName()
	b, err := json.Marshal(s)
	return string(b), err
}
