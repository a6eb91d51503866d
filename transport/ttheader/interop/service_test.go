package interop

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// served is our Service with the methods that the real servers have, and a real client that
// calls it.
type served struct {
	*peertest.Client[Order, Outcome]
	t       *testing.T
	address string
	service *transport.Service
	gates   peertest.Gates
}

func serve(t *testing.T, client peer, options ...transport.ServiceOption) *served {
	t.Helper()
	s := serveAt(t, "127.0.0.1:0", options...)
	s.Client = peertest.StartClient[Order, Outcome](t, client.command(t))
	return s
}

// serveAt serves the same methods at an address, and starts no client.
func serveAt(t *testing.T, address string, options ...transport.ServiceOption) *served {
	t.Helper()
	s := &served{t: t, service: transport.NewService(ttheader.Protocol{OneWayMethods: "Note"}, options...)}
	s.register()
	s.address = peertest.Serve(t, s.service, address, transport.ErrServiceClosed)
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
		"Echo":     func(_ context.Context, text string) (string, error) { return text, nil },
		"Hold":     func(ctx context.Context, key string) (string, error) { return key, s.gates.Hold(ctx, key) },
		"Note":     func(_ context.Context, key string) (string, error) { s.gates.Of(key).Arrived.Open(); return key, nil },
		"Describe": describeOurs,
		"Business": func(_ context.Context, text string) (string, error) {
			return "", transport.Business(number(text), "business "+text)
		},
		"Code": func(_ context.Context, text string) (string, error) {
			return "", &transport.Error{Code: transport.Code(number(text)), Message: "code " + text}
		},
		"Exception": func(_ context.Context, text string) (string, error) {
			return "", &transport.Error{Status: number(text), Message: "exception " + text}
		},
		"Plain": func(_ context.Context, text string) (string, error) { return "", errors.New("plain " + text) },
		"Panic": func(_ context.Context, text string) (string, error) { panic(text) },
	} {
		e := func(ctx context.Context, request any) (any, error) { return f(ctx, request.(string)) }
		s.service.Handle(name, transport.NewServer(e, decode(1), encode(0), transport.ServerBefore(keepRequest), transport.ServerAfter(sendBack)))
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

type requestKey struct{}

func keepRequest(ctx context.Context, req *transport.Message) context.Context {
	return context.WithValue(ctx, requestKey{}, *req)
}

// sendBack answers with the metadata of the request.
func sendBack(ctx context.Context, resp *transport.Message) context.Context {
	req := ctx.Value(requestKey{}).(transport.Message)
	if value, ok := req.Metadata["RPC_TRANSIT_NONCE"]; ok {
		resp.Set("nonce", value)
	}
	resp.Set("answered-by", "muxkit")
	return ctx
}

func describeOurs(ctx context.Context, _ string) (string, error) {
	req := ctx.Value(requestKey{}).(transport.Message)
	s := Seen{RemainingMS: -1, Strings: req.Metadata, Numbers: map[uint16]string{}}
	for k, v := range req.Tag.(*ttheader.Head).All() {
		s.Numbers[k] = v
	}
	s.From = s.Numbers[ttheader.KeyFromService]
	if deadline, ok := ctx.Deadline(); ok {
		s.RemainingMS = time.Until(deadline).Milliseconds()
	}
	b, err := json.Marshal(s)
	return string(b), err
}

// order is call for a call of a method that answers with its text.
func (s *served) order(o Order) {
	s.t.Helper()
	o.Method, o.Text = "Echo", nonce()
	if o.Metadata = nil; o.Form != "framed" {
		o.Metadata = map[string]string{"NONCE": nonce()}
	}
	if out := s.call(o); out.Failed || out.Text != o.Text || o.Metadata != nil && out.Metadata["nonce"] != o.Metadata["NONCE"] {
		s.t.Errorf("Echo(%s) gives %+v", o.Text, out)
	}
}
