package contenders

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
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
	copies  bool // each side copies the body into new memory, which nothing looks at
}

const muxkitMethod = "Echo"

// muxkitBulk is the method of large answers.
const muxkitBulk = "Fill"

func (m muxkitService) Info() harness.Info {
	info := harness.Info{
		Name:     MuxkitClient,
		About:    "muxkit Client and Server, native protocol, bodies as *Buffer, defaults: a goroutine per request",
		Contexts: true,
		Sized:    true,
		Nets:     harness.AllNets,
	}
	info.Variant = m.inline || m.timeout || m.copied || m.copies
	switch {
	case m.inline:
		info.Name, info.About = MuxkitInline, "the same with ServerInline"
	case m.timeout:
		info.Name, info.Contexts = MuxkitClientTimeout, false
		info.About = "muxkit-client, each call's deadline by ClientTimeout on context.Background"
	case m.copied:
		info.Name, info.About = MuxkitCopied, "muxkit-client, bodies as []byte: EncodeBytes and DecodeBytes"
	case m.copies:
		info.Name, info.About = MuxkitCopies, "muxkit-client, and on each side a copy of the body in new memory, as muxkit-client-bytes makes, unused"
	}
	return info
}

func (m muxkitService) Serve(env harness.Env) (string, error) {
	l, err := env.ListenBare()
	if err != nil {
		return "", err
	}
	var options []transport.ServerOption
	if m.inline {
		options = append(options, transport.ServerInline())
	}
	var limits []transport.ServiceOption
	if largest := env.Largest() + frameRoom; largest > frameDefault {
		limits = append(limits, transport.ServiceMaxFrameSize(largest))
	}
	if env.Net == harness.TLS {
		cfg, err := env.ServerTLS()
		if err != nil {
			return "", errors.Join(err, l.Close())
		}
		limits = append(limits, transport.ServiceTLSConfig(cfg))
	}
	service := transport.NewService(native.Protocol{}, limits...)
	echo := echoEndpoint
	if m.copies {
		echo = copyingEndpoint
	}
	service.Handle(muxkitMethod, m.server(echo, options...))
	service.Handle(muxkitBulk, m.server(m.fill, options...))
	go service.Serve(l)
	return l.Addr().String(), service.Err()
}

func (m muxkitService) server(serve endpoint.Endpoint, options ...transport.ServerOption) *transport.Server {
	if m.copied {
		return transport.NewServer(serve, transport.DecodeBytes, transport.EncodeBytes, options...)
	}
	return transport.NewServer(serve, transport.DecodeBuffer, transport.EncodeResponseBuffer, options...)
}

// fill answers a bulk request.
func (m muxkitService) fill(_ context.Context, request any) (any, error) {
	if m.copied {
		return harness.Answer(request.([]byte)), nil
	}
	req := request.(*transport.Buffer)
	defer req.Release()
	size, ok := harness.BulkSize(req.Data)
	if !ok {
		return nil, errors.New("no request for bulk")
	}
	answer := transport.NewBuffer(size)
	harness.FillBulk(answer.Data, req.Data)
	return answer, nil
}

func (m muxkitService) Dial(env harness.Env) (harness.Client, error) {
	pool, opts, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	var options []transport.ClientOption
	if m.timeout {
		options = append(options, transport.ClientTimeout(30*time.Second))
	}
	node := transport.Node{Network: env.Network(), Address: env.Addr}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		client := m.client(pool, opts, node, methodOf(env, i), options...)
		if m.copied {
			return endpointCall(client.Endpoint()), client.Err()
		}
		if m.copies {
			return copyingCall(bufferCall(client.Endpoint())), client.Err()
		}
		return bufferCall(client.Endpoint()), client.Err()
	}), nil
}

// methodOf is what caller i calls.
func methodOf(env harness.Env, i int) string {
	if env.OfBulk(i) {
		return muxkitBulk
	}
	return muxkitMethod
}

// client is the Client of one node and method, with the codecs that server has.
func (m muxkitService) client(pool muxpool.Pool, opts muxpool.GetOptions, node transport.Node, method string, options ...transport.ClientOption) *transport.Client {
	enc, dec := transport.EncodeBuffer, transport.DecodeBuffer
	if m.copied {
		enc, dec = transport.EncodeBytes, transport.DecodeBytes
	}
	return transport.NewClient(pool, node, native.Protocol{}, method, enc, dec,
		append(options, transport.ClientGetOptions(func(o *muxpool.GetOptions) { *o = opts }))...)
}

// bufferCall calls an endpoint of *transport.Buffer to *transport.Buffer. It is one
// caller's.
func bufferCall(ep endpoint.Endpoint) harness.Call {
	var request transport.Buffer
	return func(ctx context.Context, req []byte, check harness.Check) error {
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

// copyingEndpoint is echoEndpoint of Buffers, and a copy.
func copyingEndpoint(_ context.Context, request any) (any, error) {
	runtime.KeepAlive(bytes.Clone(request.(*transport.Buffer).Data))
	return request, nil
}

// copyingCall is call, and a copy of the answer. It is one caller's.
func copyingCall(call harness.Call) harness.Call {
	var kept []byte
	return func(ctx context.Context, req []byte, check harness.Check) error {
		err := call(ctx, req, func(resp []byte) error {
			kept = bytes.Clone(resp)
			return check(resp)
		})
		runtime.KeepAlive(kept)
		return err
	}
}
