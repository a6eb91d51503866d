package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	_ "trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/client"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/pool/multiplexed"
	"trpc.group/trpc-go/trpc-go/stream"
	"trpc.group/trpc-go/trpc-go/transport"

	"github.com/muxkit/muxkit/transport/trpc/interop"
)

// carryOut makes a call with the real client.
func carryOut(o interop.Order, pool multiplexed.Pool) interop.Outcome {
	ctx, msg := codec.WithCloneMessage(context.Background())
	defer codec.PutBackMessage(msg)
	msg.WithClientRPCName(interop.Service + o.Method)
	msg.WithCalleeServiceName("muxkit.Interop")
	msg.WithSerializationType(codec.SerializationTypeNoop)
	opts := []client.Option{
		client.WithTarget("ip://" + o.Address), client.WithNetwork("tcp"), client.WithProtocol("trpc"),
		client.WithCallerServiceName("trpc.muxkit.caller.Caller"),
		client.WithTimeout(time.Duration(o.TimeoutMS) * time.Millisecond),
		client.WithDialTimeout(10 * time.Second), // its own 200 ms are too few on a busy machine
	}
	if o.Multiplexed {
		opts = append(opts, client.WithMultiplexed(true), client.WithMultiplexedPool(pool))
	}
	if o.GoNet {
		opts = append(opts, client.WithTransport(transport.DefaultClientTransport))
	}
	if o.OneWay {
		opts = append(opts, client.WithSendOnly())
	}
	if o.Gzip {
		opts = append(opts, client.WithCompressType(codec.CompressTypeGzip))
	}
	for name, value := range o.Metadata {
		opts = append(opts, client.WithMetaData(name, []byte(value)))
	}
	beside := client.NewAttachment(bytes.NewReader(o.Attachment))
	opts = append(opts, client.WithAttachment(beside))
	rsp := new(codec.Body)
	var err error
	if o.Stream {
		desc := &client.ClientStreamDesc{StreamName: o.Method, ServerStreams: true, ClientStreams: true}
		_, err = stream.DefaultStreamClient.NewStream(ctx, desc, interop.Service+o.Method, opts...)
	} else {
		err = client.DefaultClient.Invoke(ctx, &codec.Body{Data: o.Body}, rsp, opts...)
	}
	out := interop.Outcome{Body: rsp.Data, Metadata: map[string]string{}}
	fail(&out, err)
	for name, value := range msg.ClientMetaData() {
		out.Metadata[name] = string(value)
	}
	out.Attachment, _ = io.ReadAll(beside.Response())
	return out
}

func fail(out *interop.Outcome, err error) {
	if err == nil {
		return
	}
	out.Failed, out.Message = true, err.Error()
	var e *errs.Error
	if errors.As(err, &e) {
		out.Type, out.Code, out.Message = e.Type, int(e.Code), e.Msg
	}
}
