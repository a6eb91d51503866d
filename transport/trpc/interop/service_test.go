package interop

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// served is our Service with the methods that the real server has, and a real client
// that calls it.
type served struct {
	*peertest.Client[Order, Outcome]
	t       *testing.T
	address string
	service *transport.Service
	gates   peertest.Gates
}

func serve(t *testing.T, options ...transport.ServiceOption) *served {
	t.Helper()
	s := &served{t: t, service: transport.NewService(trpc.Protocol{}, options...)}
	s.register()
	s.address = peertest.Serve(t, s.service, "127.0.0.1:0", transport.ErrServiceClosed)
	s.Client = peertest.StartClient[Order, Outcome](t, peer(t))
	return s
}

// begin has the real client call our Service, or what the order names.
func (s *served) begin(o Order) <-chan Outcome {
	if o.Address == "" {
		o.Address = s.address
	}
	return s.Begin(o)
}

func (s *served) call(o Order) Outcome {
	s.t.Helper()
	return s.End(s.begin(o))
}

// register makes endpoints of string to string, all but one.
func (s *served) register() {
	for name, f := range map[string]func(context.Context, string) (string, error){
		"Echo": func(_ context.Context, body string) (string, error) { return body, nil },
		"Hold": func(ctx context.Context, key string) (string, error) { return key, s.gates.Hold(ctx, key) },
		"Note": func(_ context.Context, key string) (string, error) { s.gates.Of(key).Arrived.Open(); return key, nil },
		"Business": func(_ context.Context, body string) (string, error) {
			return "", transport.Business(number(body), "business "+body)
		},
		"Code": func(_ context.Context, body string) (string, error) {
			return "", &transport.Error{Code: transport.Code(number(body)), Message: "code " + body}
		},
		"Status": func(_ context.Context, body string) (string, error) {
			return "", &transport.Error{Status: number(body), Message: "status " + body}
		},
		"Plain": func(_ context.Context, body string) (string, error) { return "", errors.New("plain " + body) },
		"Panic": func(_ context.Context, body string) (string, error) { panic(body) },
	} {
		e := func(ctx context.Context, request any) (any, error) {
			answer, err := f(ctx, string(request.([]byte)))
			return []byte(answer), err
		}
		s.service.Handle(Service+name, transport.NewServer(e, transport.DecodeBytes, transport.EncodeBytes,
			transport.ServerBefore(keepRequest), transport.ServerAfter(sendBack)))
	}
	s.service.Handle(Service+"Describe", transport.NewServer(describeOurs, transport.NopRequestDecoder, transport.EncodeJSON,
		transport.ServerBefore(keepRequest)))
	s.service.Handle(Service+"Failer", transport.NewServer(
		func(context.Context, any) (any, error) { return refusal{}, nil }, transport.NopRequestDecoder, transport.EncodeJSON))
	s.service.Handle(Service+"Undecodable", transport.NewServer(describeOurs, transport.DecodeJSON[int], transport.EncodeJSON))
}

// refusal is a response that has failed.
type refusal struct{}

func (refusal) Failed() error { return transport.Business(40401, "refused") }

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

type requestKey struct{}

func keepRequest(ctx context.Context, req *transport.Message) context.Context {
	return context.WithValue(ctx, requestKey{}, *req)
}

// sendBack answers with the metadata and the attachment of the request.
func sendBack(ctx context.Context, resp *transport.Message) context.Context {
	req := ctx.Value(requestKey{}).(transport.Message)
	for name, value := range req.Metadata {
		resp.Set(name, value)
	}
	resp.Set("answered-by", "muxkit")
	resp.Tag = &trpc.Head{Attachment: req.Tag.(*trpc.Head).Attachment}
	return ctx
}

func describeOurs(ctx context.Context, _ any) (any, error) {
	req := ctx.Value(requestKey{}).(transport.Message)
	head := req.Tag.(*trpc.Head)
	s := Seen{Func: req.Method, Caller: head.Caller, Callee: head.Callee, ContentType: head.ContentType, RemainingMS: -1, Metadata: req.Metadata}
	if deadline, ok := ctx.Deadline(); ok {
		s.RemainingMS = time.Until(deadline).Milliseconds()
	}
	return s, nil
}
