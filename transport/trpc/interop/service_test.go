package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// served is our Service with the methods that the real server has, and a real client
// that calls it.
type served struct {
	*realClient
	service *transport.Service
	gates   Gates
}

func serve(t *testing.T, options ...transport.ServiceOption) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{service: transport.NewService(trpc.Protocol{}, options...)}
	s.register()
	ended := make(chan error, 1)
	go func() { ended <- s.service.Serve(l) }()
	t.Cleanup(func() {
		_ = s.service.Close()
		if err := <-ended; !errors.Is(err, transport.ErrServiceClosed) {
			t.Error("Serve ended with ", err)
		}
	})
	s.realClient = newRealClient(t, l.Addr().String())
	return s
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
	s.service.Handle(Service+"Undecodable", transport.NewServer(describeOurs, transport.DecodeJSON[int], transport.EncodeJSON))
}

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

// await waits until a latch is opened.
func await(t *testing.T, l Latch, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if l.Wait(ctx) != nil {
		t.Fatal("it never happens: ", what)
	}
}

// modes runs a test in both connection modes of the real client.
func modes(t *testing.T, f func(t *testing.T, multiplexed bool)) {
	t.Run("multiplexed", func(t *testing.T) { f(t, true) })
	t.Run("pooled", func(t *testing.T) { f(t, false) })
}

func TestFromClientBodyMetadataAttachment(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		for _, gzip := range []bool{false, true} {
			body, value, beside := nonce(), nonce(), nonce()
			out := s.call(Order{Method: "Echo", Body: []byte(body), Attachment: []byte(beside),
				Metadata: map[string]string{"nonce": value}, Multiplexed: multiplexed, Gzip: gzip})
			if out.Failed || string(out.Body) != body || string(out.Attachment) != beside ||
				out.Metadata["nonce"] != value || out.Metadata["answered-by"] != "muxkit" {
				t.Errorf("gzip %v: %+v", gzip, out)
			}
		}
	})
}

func TestFromClientHeadAndTimeout(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		value := nonce()
		var got Seen
		out := s.call(Order{Method: "Describe", TimeoutMS: 20_000, Metadata: map[string]string{"nonce": value}, Multiplexed: multiplexed})
		if err := json.Unmarshal(out.Body, &got); err != nil || out.Failed {
			t.Fatalf("%+v, %v", out, err)
		}
		if got.Func != Service+"Describe" || got.Caller != "trpc.muxkit.caller.Caller" || got.Callee != "muxkit.Interop" ||
			got.ContentType != trpc.ContentNoop || got.Metadata["nonce"] != value || got.RemainingMS <= 0 || got.RemainingMS > 20_000 {
			t.Errorf("our server saw %+v", got)
		}
		out = s.call(Order{Method: "Describe", Multiplexed: multiplexed})
		if err := json.Unmarshal(out.Body, &got); err != nil || got.RemainingMS != -1 {
			t.Errorf("without a timeout our server saw %+v, %v", got, err)
		}
	})
}

func TestFromClientTimeout(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		key := nonce()
		out := s.call(Order{Method: "Hold", Body: []byte(key), TimeoutMS: 1000, Multiplexed: multiplexed})
		// 101 by the client's clock, or 21, our server's answer, if that came first.
		if !out.Failed || out.Code != 101 && out.Code != 21 {
			t.Errorf("the client got %+v", out)
		}
		await(t, s.gates.Of(key).Ended, "the server's context ends")
		body := nonce()
		if out := s.call(Order{Method: "Echo", Body: []byte(body), Multiplexed: multiplexed}); string(out.Body) != body {
			t.Errorf("the next call: %+v", out)
		}
	})
}

// Types of trpc-go's errs.Error: of the business, and of the framework of the server.
const (
	typeBusiness = 2
	typeCallee   = 3
)

func TestFromClientFrameworkCodes(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		is := func(o Order, code int, message string) {
			t.Helper()
			o.Multiplexed = multiplexed
			out := s.call(o)
			if !out.Failed || out.Type != typeCallee || out.Code != code || message != "" && out.Message != message {
				t.Errorf("%s(%s) gives %+v", o.Method, o.Body, out)
			}
		}
		for code, ret := range map[transport.Code]int{
			transport.CodeUnknown: 999, transport.CodeUnknownMethod: 12, transport.CodeBadRequest: 1, transport.CodeInternal: 31,
			transport.CodeOverloaded: 22, transport.CodeUnavailable: 22, transport.CodeTimeout: 21, transport.CodeTooLarge: 2,
		} {
			body := strconv.Itoa(int(code))
			is(Order{Method: "Code", Body: []byte(body)}, ret, "code "+body)
		}
		is(Order{Method: "Status", Body: []byte("51")}, 51, "status 51")
		is(Order{Method: "Nothing"}, 12, "")
		is(Order{Method: "Undecodable", Body: []byte("{")}, 1, "")
		is(Order{Method: "Panic", Body: []byte("secret")}, 31, "internal error")
		value := nonce()
		is(Order{Method: "Plain", Body: []byte(value)}, 999, "plain "+value)
	})
}

func TestFromClientBusinessCodes(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		for _, status := range []int{1, 12, 10007, -3} {
			out := s.call(Order{Method: "Business", Body: []byte(strconv.Itoa(status)), Multiplexed: multiplexed})
			if !out.Failed || out.Type != typeBusiness || out.Code != status || out.Message != fmt.Sprint("business ", status) {
				t.Errorf("the status %d gives %+v", status, out)
			}
		}
	})
}

func TestFromClientOverload(t *testing.T) {
	s := serve(t, transport.ServiceMaxInFlight(0, 1))
	key := nonce()
	held := s.begin(Order{Method: "Hold", Body: []byte(key), Multiplexed: true})
	await(t, s.gates.Of(key).Arrived, "the call arrives")
	if out := s.call(Order{Method: "Echo", Multiplexed: true}); out.Type != typeCallee || out.Code != 22 {
		t.Errorf("one call too many gives %+v", out)
	}
	s.gates.Of(key).Release.Open()
	if out := s.end(held); out.Failed {
		t.Errorf("%+v", out)
	}
}

// All on the one connection of the real client's multiplexed pool.
func TestFromClientOutOfOrder(t *testing.T) {
	s := serve(t, transport.ServiceMaxConns(1))
	key := nonce()
	held := s.begin(Order{Method: "Hold", Body: []byte(key), Multiplexed: true})
	await(t, s.gates.Of(key).Arrived, "the call arrives")
	for range 10 {
		body := nonce()
		if out := s.call(Order{Method: "Echo", Body: []byte(body), Multiplexed: true}); string(out.Body) != body {
			t.Errorf("%+v", out)
		}
	}
	select {
	case out := <-held:
		t.Fatalf("the slow call was answered before it was released: %+v", out)
	default:
	}
	s.gates.Of(key).Release.Open()
	if out := s.end(held); out.Failed || string(out.Body) != key {
		t.Errorf("%+v", out)
	}
}

func TestFromClientOneWay(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		key := nonce()
		if out := s.call(Order{Method: "Note", Body: []byte(key), OneWay: true, Multiplexed: multiplexed}); out.Failed {
			t.Fatalf("%+v", out)
		}
		await(t, s.gates.Of(key).Arrived, "the one-way call arrives")
		for range 10 { // on a pooled connection the next call would read an answer to it
			body := nonce()
			if out := s.call(Order{Method: "Echo", Body: []byte(body), Multiplexed: multiplexed}); string(out.Body) != body {
				t.Errorf("%+v", out)
			}
		}
	})
}

func Test64CallersFromClient(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				for range 20 {
					body, value := nonce(), nonce()
					out := s.call(Order{Method: "Echo", Body: []byte(body), Metadata: map[string]string{"nonce": value}, Multiplexed: multiplexed})
					if out.Failed || string(out.Body) != body || out.Metadata["nonce"] != value {
						t.Errorf("Echo(%s) gives %+v", body, out)
					}
				}
			})
		}
		group.Wait()
	})
}

// A real client that wants a stream hears at once that there is none.
func TestFromClientStream(t *testing.T) {
	s := serve(t)
	out := s.call(Order{Method: "Stream", Stream: true, TimeoutMS: 20_000})
	if !out.Failed || out.Type != typeCallee || out.Code != 1 {
		t.Errorf("the client got %+v", out)
	}
	body := nonce()
	if out := s.call(Order{Method: "Echo", Body: []byte(body)}); string(out.Body) != body {
		t.Errorf("the next call: %+v", out)
	}
}

// Shutdown answers what it accepted.
func TestFromClientShutdown(t *testing.T) {
	modes(t, func(t *testing.T, multiplexed bool) {
		s := serve(t)
		key := nonce()
		held := s.begin(Order{Method: "Hold", Body: []byte(key), Multiplexed: multiplexed})
		await(t, s.gates.Of(key).Arrived, "the call arrives")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		down := make(chan error, 1)
		go func() { down <- s.service.Shutdown(ctx) }()
		s.gates.Of(key).Release.Open()
		if out := s.end(held); out.Failed || string(out.Body) != key {
			t.Errorf("the call that was accepted gives %+v", out)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}
