package main

import (
	"context"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// muxkitService is muxkit as a Go kit transport: Client and Server with
// endpoints, in the native protocol, which carries deadlines.
type muxkitService struct {
	inline  bool // calls are served on the goroutine that reads
	timeout bool // the deadline is ClientTimeout, not a context's
	copied  bool // bodies are []byte, copied by the codecs
}

const muxkitMethod = "Echo"

func (m muxkitService) Info() Info {
	info := Info{
		Name:     muxkitClient,
		About:    "muxkit Client and Server, native protocol, bodies as *Buffer, defaults: a goroutine per request",
		Contexts: true,
		Nets:     allNets,
	}
	info.Variant = m.inline || m.timeout || m.copied
	switch {
	case m.inline:
		info.Name, info.About = muxkitInline, "the same with ServerInline"
	case m.timeout:
		info.Name, info.Contexts = muxkitClientTimeout, false
		info.About = "muxkit-client, each call's deadline by ClientTimeout on context.Background"
	case m.copied:
		info.Name, info.About = muxkitCopied, "muxkit-client, bodies as []byte: EncodeBytes and DecodeBytes"
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
	service.Handle(muxkitMethod, m.server(options...))
	go service.Serve(l)
	return l.Addr().String(), service.Err()
}

func (m muxkitService) server(options ...transport.ServerOption) *transport.Server {
	if m.copied {
		return transport.NewServer(echoEndpoint, transport.DecodeBytes, transport.EncodeBytes, options...)
	}
	return transport.NewServer(echoEndpoint, transport.DecodeBuffer, transport.EncodeResponseBuffer, options...)
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
	client := m.client(pool, opts, transport.Node{Network: env.Network(), Address: env.Addr}, options...)
	if m.copied {
		call := endpointCall(client.Endpoint())
		return ClientFunc(func(int) (Call, error) { return call, client.Err() }), nil
	}
	return ClientFunc(func(int) (Call, error) { return bufferCall(client.Endpoint()), client.Err() }), nil
}

// client is the Client of one node, with the codecs that server has.
func (m muxkitService) client(pool muxpool.Pool, opts muxpool.GetOptions, node transport.Node, options ...transport.ClientOption) *transport.Client {
	enc, dec := transport.EncodeBuffer, transport.DecodeBuffer
	if m.copied {
		enc, dec = transport.EncodeBytes, transport.DecodeBytes
	}
	return transport.NewClient(pool, node, native.Protocol{}, muxkitMethod, enc, dec,
		append(options, transport.ClientGetOptions(func(o *muxpool.GetOptions) { *o = opts }))...)
}

// bufferCall calls an endpoint of *transport.Buffer to *transport.Buffer. It is one
// caller's.
func bufferCall(ep endpoint.Endpoint) Call {
	var request transport.Buffer
	return func(ctx context.Context, req []byte, check Check) error {
		request.Data = req
		resp, err := ep(ctx, &request)
		if err != nil {
			return err
		}
		answer := resp.(*transport.Buffer)
		defer answer.Release()
		return check(answer.Data)
	}
}
