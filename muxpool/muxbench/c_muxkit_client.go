package main

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// muxkitService is muxkit as a Go kit transport: Client and Server with
// endpoints, in the native protocol, which carries deadlines.
type muxkitService struct {
	inline  bool // calls are served on the goroutine that reads
	timeout bool // the deadline is ClientTimeout, not a context's
}

const muxkitMethod = "Echo"

func (m muxkitService) Info() Info {
	info := Info{
		Name:     muxkitClient,
		About:    "muxkit Client and Server, native protocol, bytes, defaults: a goroutine per request",
		Contexts: true,
		Nets:     allNets,
	}
	info.Variant = m.inline || m.timeout
	switch {
	case m.inline:
		info.Name, info.About = muxkitInline, "the same with ServerInline"
	case m.timeout:
		info.Name, info.Contexts = muxkitClientTimeout, false
		info.About = "muxkit-client, each call's deadline by ClientTimeout on context.Background"
	}
	return info
}

func (m muxkitService) Serve(env Env) (string, error) {
	l, err := env.Listen()
	if err != nil {
		return "", err
	}
	var options []transport.ServerOption
	if m.inline {
		options = append(options, transport.ServerInline())
	}
	service := transport.NewService(native.Protocol{})
	service.Handle(muxkitMethod, transport.NewServer(echoEndpoint, transport.DecodeBytes, transport.EncodeBytes, options...))
	go service.Serve(l)
	return l.Addr().String(), service.Err()
}

func (m muxkitService) Dial(env Env) (Client, error) {
	pool, opts, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	var options []transport.ClientOption
	if m.timeout {
		options = append(options, transport.ClientTimeout(30*time.Second))
	}
	client := newMuxkitClient(pool, opts, transport.Node{Network: env.Network(), Address: env.Addr}, options...)
	call := endpointCall(client.Endpoint())
	return ClientFunc(func(int) (Call, error) { return call, client.Err() }), nil
}

func newMuxkitClient(pool muxpool.Pool, opts muxpool.GetOptions, node transport.Node, options ...transport.ClientOption) *transport.Client {
	return transport.NewClient(pool, node, native.Protocol{}, muxkitMethod, transport.EncodeBytes, transport.DecodeBytes,
		append(options, transport.ClientGetOptions(func(o *muxpool.GetOptions) { *o = opts }))...)
}
