package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/callopt"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"github.com/muxkit/muxkit/transport/ttheader/interop"
)

var forms = map[string]transport.Protocol{
	"ttheader": transport.TTHeader, "ttheader-framed": transport.TTHeaderFramed, "framed": transport.Framed,
}

// way is how calls are made.
type way struct {
	address, form string
	mux           bool
}

var (
	clientsMu sync.Mutex
	clients   = map[way]client.Client{} // guarded by clientsMu
)

func clientOf(w way) (client.Client, error) {
	clientsMu.Lock()
	defer clientsMu.Unlock()
	if c := clients[w]; c != nil {
		return c, nil
	}
	options := []client.Option{
		client.WithDestService(interop.Callee), client.WithHostPorts(w.address),
		client.WithClientBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: interop.Caller}),
		client.WithMetaHandler(transmeta.ClientTTHeaderHandler), client.WithMetaHandler(transmeta.MetainfoClientHandler),
		client.WithConnectTimeout(10 * time.Second), // its own 50 ms are too few on a busy machine
	}
	if w.mux {
		options = append(options, client.WithMuxConnection(1))
	} else {
		options = append(options, client.WithLongConnection(connpool.IdleConfig{MaxIdlePerAddress: 256, MaxIdleGlobal: 1024, MaxIdleTimeout: time.Minute}))
	}
	options = append(options, client.WithTransportProtocol(forms[w.form]))
	info := service()
	for _, name := range []string{"Code", "Nothing"} { // which our Service has, or nobody
		info.Methods[name] = info.Methods["Echo"]
	}
	c, err := client.NewClient(info, options...)
	if err == nil {
		clients[w] = c
	}
	return c, err
}

// carryOut makes a call with the real client.
func carryOut(o interop.Order) interop.Outcome {
	var out interop.Outcome
	c, err := clientOf(way{o.Address, o.Form, o.Mux})
	if err != nil {
		out.Failed, out.Kind, out.Message = true, "other", err.Error()
		return out
	}
	ctx := metainfo.WithBackwardValues(context.Background())
	for name, value := range o.Metadata {
		ctx = metainfo.WithValue(ctx, name, value)
	}
	if o.TimeoutMS > 0 {
		ctx = client.NewCtxWithCallOptions(ctx, []callopt.Option{callopt.WithRPCTimeout(time.Duration(o.TimeoutMS) * time.Millisecond)})
	}
	var r result
	var answer any = &r
	if o.Method == "Note" {
		answer = nil
	}
	err = c.Call(ctx, o.Method, &args{Text: o.Text}, answer)
	if r.Text != nil {
		out.Text = *r.Text
	}
	out.Metadata = metainfo.RecvAllBackwardValues(ctx)
	fail(&out, err)
	return out
}

func fail(out *interop.Outcome, err error) {
	if err == nil {
		return
	}
	out.Failed, out.Kind, out.Message = true, "other", err.Error()
	if biz, ok := kerrors.FromBizStatusError(err); ok {
		out.Kind, out.Code, out.Message = "business", int(biz.BizStatusCode()), biz.BizMessage()
		for k, v := range biz.BizExtra() {
			out.Message += " " + k + "=" + v
		}
		return
	}
	var e *remote.TransError
	if errors.As(err, &e) && strings.Contains(err.Error(), "remote or network error[remote]") {
		out.Kind, out.Code, out.Message = "exception", int(e.TypeID()), e.Error()
	}
}
