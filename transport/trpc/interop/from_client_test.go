package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// The tests here call our Service with the real client.

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
		out := s.call(Order{Method: "Hold", Body: []byte(key), TimeoutMS: 5000, Multiplexed: multiplexed})
		// 101 by the client's clock, or 21, our server's answer, if that came first.
		if !out.Failed || out.Code != 101 && out.Code != 21 {
			t.Errorf("the client got %+v", out)
		}
		s.gates.Of(key).Ended.Await(t, "the server's context ends")
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
			transport.CodeUnknown: 999, transport.CodeUnimplemented: 12, transport.CodeInvalidArgument: 1, transport.CodeInternal: 31,
			transport.CodeResourceExhausted: 22, transport.CodeUnavailable: 31, transport.CodeUnauthenticated: 41, transport.CodeDeadlineExceeded: 21, transport.CodeTooLarge: 2,
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
		if out := s.call(Order{Method: "Failer", Multiplexed: multiplexed}); out.Type != typeBusiness || out.Code != 40401 || out.Message != "refused" {
			t.Errorf("an endpoint.Failer gives %+v", out)
		}
	})
}

func TestFromClientOverload(t *testing.T) {
	s := serve(t, transport.ServiceMaxInFlight(0, 1))
	key := nonce()
	held := s.begin(Order{Method: "Hold", Body: []byte(key), Multiplexed: true})
	s.gates.Of(key).Arrived.Await(t, "the call arrives")
	if out := s.call(Order{Method: "Echo", Multiplexed: true}); out.Type != typeCallee || out.Code != 22 {
		t.Errorf("one call too many gives %+v", out)
	}
	s.gates.Of(key).Release.Open()
	if out := s.End(held); out.Failed {
		t.Errorf("%+v", out)
	}
}

// All on the one connection of the real client's multiplexed pool.
func TestFromClientOutOfOrder(t *testing.T) {
	s := serve(t, transport.ServiceMaxConns(1))
	key := nonce()
	held := s.begin(Order{Method: "Hold", Body: []byte(key), Multiplexed: true})
	s.gates.Of(key).Arrived.Await(t, "the call arrives")
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
	if out := s.End(held); out.Failed || string(out.Body) != key {
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
		s.gates.Of(key).Arrived.Await(t, "the one-way call arrives")
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
		for name, goNet := range map[string]bool{"tnet": false, "go-net": true} {
			t.Run(name, func(t *testing.T) {
				s := serve(t)
				var group sync.WaitGroup
				for range 64 {
					group.Go(func() {
						for range 20 {
							s.echo(Order{Multiplexed: multiplexed, GoNet: goNet})
						}
					})
				}
				bounded.Wait(t, group.Wait)
			})
		}
	})
}

// echo makes a call with a nonce in its body and in its metadata.
func (s *served) echo(o Order) {
	body, value := nonce(), nonce()
	o.Method, o.Body, o.Metadata = "Echo", []byte(body), map[string]string{"nonce": value}
	if out := s.call(o); out.Failed || string(out.Body) != body || out.Metadata["nonce"] != value {
		s.t.Errorf("Echo(%s) gives %+v", body, out)
	}
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
		s.gates.Of(key).Arrived.Await(t, "the call arrives")
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		down := make(chan error, 1)
		go func() { down <- s.service.Shutdown(ctx) }()
		s.gates.Of(key).Release.Open()
		if out := s.End(held); out.Failed || string(out.Body) != key {
			t.Errorf("the call that was accepted gives %+v", out)
		}
		if err := bounded.Receive(t, down); err != nil {
			t.Error(err)
		}
	})
}
