package contenders

import (
	"context"
	"net"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// connectH2C is connect-go over HTTP/2 without TLS, in its own protocol, with the
// message of plainGRPC.
type connectH2C struct{}

// connectConns is how many HTTP/2 connections the callers share: each is a client's own.
const connectConns = 2

func (connectH2C) Info() harness.Info {
	return harness.Info{
		Name:     "connect",
		About:    "connect-go v2 unary over h2c, protobuf BytesValue, 2 connections, no compression",
		Contexts: true,
		Sized:    true,
	}
}

var connectOptions = []connecthttp.Option{
	connecthttp.WithCompressors(), connecthttp.WithReadMaxBytes(grpcMessage), connecthttp.WithSendMaxBytes(grpcMessage),
}

var connectSpec = connect.Spec{
	StreamType: connect.StreamTypeUnary,
	Schema:     wrapperspb.File_google_protobuf_wrappers_proto.Messages().ByName("BytesValue"),
	Procedure:  grpcMethod,
}

func (connectH2C) Serve(env harness.Env) (string, error) {
	l, err := env.Listen()
	if err != nil {
		return "", err
	}
	server := connect.NewServer()
	server.Register(connect.Method{Spec: connectSpec, Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
		var message wrapperspb.BytesValue
		if err := stream.Receive(&message); err != nil {
			return err
		}
		message.Value = harness.Answer(message.Value)
		return stream.Send(&message)
	}})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server, connectOptions...)
	// Protocols of one's own: HTTP/2 without TLS. MaxConcurrentStreams is 100 otherwise.
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	go (&http.Server{Handler: mux, Protocols: h2c, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 1 << 20}}).Serve(l)
	return l.Addr().String(), nil
}

func (connectH2C) Dial(env harness.Env) (harness.Client, error) {
	var clients [connectConns]*connect.Client
	for i := range clients {
		h2c := new(http.Protocols)
		h2c.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return env.DialConn() },
			Protocols:   h2c,
		}}
		clients[i] = connect.NewClient(connecthttp.NewTransport(client, "http://"+env.Addr, connectOptions...))
	}
	return harness.ClientFunc(func(i int) (harness.Call, error) {
		client := clients[i%connectConns]
		return func(ctx context.Context, req []byte, check harness.Check) error {
			var resp wrapperspb.BytesValue
			if err := client.CallUnary(ctx, connectSpec, &wrapperspb.BytesValue{Value: req}, &resp); err != nil {
				return err
			}
			return check(resp.Value)
		}, nil
	}), nil
}
