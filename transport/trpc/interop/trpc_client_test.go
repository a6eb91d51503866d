package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	_ "trpc.group/trpc-go/trpc-go"
	"trpc.group/trpc-go/trpc-go/client"
	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/pool/multiplexed"
	"trpc.group/trpc-go/trpc-go/stream"
)

// order is a call that the real client is to make.
type order struct {
	ID          int
	Address     string
	Method      string
	Body        []byte
	Attachment  []byte
	Metadata    map[string]string
	TimeoutMS   int
	Multiplexed bool // over one connection; else from the connection pool
	OneWay      bool
	Gzip        bool
	Stream      bool // try to begin a stream
}

// outcome is what came of it.
type outcome struct {
	ID         int
	Body       []byte
	Attachment []byte
	Metadata   map[string]string
	Failed     bool
	Type, Code int // of an *errs.Error
	Message    string
}

// callAsTrpcGo is the real client: it makes the calls that it reads from peerIn, all
// at once, and writes their outcomes to peerOut.
func callAsTrpcGo() {
	go exitWithParent()
	orders, outcomes := json.NewDecoder(os.NewFile(peerIn, "in")), json.NewEncoder(os.NewFile(peerOut, "out"))
	var mu sync.Mutex
	pool := multiplexed.New(multiplexed.WithConnectNumber(1))
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			os.Exit(0)
		}
		go func() {
			result := o.carryOut(pool)
			mu.Lock()
			defer mu.Unlock()
			if err := outcomes.Encode(result); err != nil {
				os.Exit(0)
			}
		}()
	}
}

func (o *order) carryOut(pool multiplexed.Pool) outcome {
	ctx, msg := codec.WithCloneMessage(context.Background())
	defer codec.PutBackMessage(msg)
	msg.WithClientRPCName(service + o.Method)
	msg.WithCalleeServiceName("muxkit.Interop")
	msg.WithSerializationType(codec.SerializationTypeNoop)
	opts := []client.Option{
		client.WithTarget("ip://" + o.Address), client.WithNetwork("tcp"), client.WithProtocol("trpc"),
		client.WithCallerServiceName("trpc.muxkit.caller.Caller"),
		client.WithTimeout(time.Duration(o.TimeoutMS) * time.Millisecond),
	}
	if o.Multiplexed {
		opts = append(opts, client.WithMultiplexed(true), client.WithMultiplexedPool(pool))
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
		_, err = stream.DefaultStreamClient.NewStream(ctx, desc, service+o.Method, opts...)
	} else {
		err = client.DefaultClient.Invoke(ctx, &codec.Body{Data: o.Body}, rsp, opts...)
	}
	out := outcome{ID: o.ID, Body: rsp.Data, Metadata: map[string]string{}}
	out.fail(err)
	for name, value := range msg.ClientMetaData() {
		out.Metadata[name] = string(value)
	}
	out.Attachment, _ = io.ReadAll(beside.Response())
	return out
}

func (out *outcome) fail(err error) {
	if err == nil {
		return
	}
	out.Failed, out.Message = true, err.Error()
	var e *errs.Error
	if errors.As(err, &e) {
		out.Type, out.Code, out.Message = e.Type, int(e.Code), e.Msg
	}
}

// realClient gives orders to the real client.
type realClient struct {
	t       *testing.T
	address string

	mu      sync.Mutex // guards the rest
	orders  *json.Encoder
	last    int
	waiting map[int]chan outcome
}

func newRealClient(t *testing.T, address string) *realClient {
	p := start(t, "client")
	c := &realClient{t: t, address: address, orders: json.NewEncoder(p.in), waiting: map[int]chan outcome{}}
	go func() {
		for outcomes := json.NewDecoder(p.out); ; {
			var out outcome
			if outcomes.Decode(&out) != nil {
				return
			}
			c.mu.Lock()
			done := c.waiting[out.ID]
			c.mu.Unlock()
			done <- out
		}
	}()
	return c
}

// begin has a call made; its outcome comes on the channel.
func (c *realClient) begin(o order) <-chan outcome {
	c.t.Helper()
	done := make(chan outcome, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	o.ID, o.Address = c.last, c.address
	c.waiting[o.ID] = done
	if err := c.orders.Encode(o); err != nil {
		c.t.Error(err)
		done <- outcome{Failed: true}
	}
	return done
}

func (c *realClient) call(o order) outcome {
	c.t.Helper()
	select {
	case out := <-c.begin(o):
		return out
	case <-time.After(30 * time.Second):
		c.t.Errorf("%s: the real client does not come back", o.Method)
		return outcome{Failed: true}
	}
}
