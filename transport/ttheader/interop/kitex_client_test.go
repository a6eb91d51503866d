//go:build peers

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
)

// The tests here call our Service with Kitex's client.

// kitexClients runs a test in all ways in which Kitex's client calls.
func kitexClients(t *testing.T, f func(t *testing.T, o Order)) {
	for _, c := range []struct {
		name string
		o    Order
	}{
		{"mux", Order{Form: "ttheader", Mux: true}},
		{"mux, TTHeader framed", Order{Form: "ttheader-framed", Mux: true}},
		{"pool", Order{Form: "ttheader"}},
		{"pool, TTHeader framed", Order{Form: "ttheader-framed"}},
		{"pool, framed", Order{Form: "framed"}},
	} {
		t.Run(c.name, func(t *testing.T) { f(t, c.o) })
	}
}

func (o Order) of(method, text string) Order {
	o.Method, o.Text = method, text
	return o
}

func TestFromKitexTextAndMetadata(t *testing.T) {
	kitexClients(t, func(t *testing.T, o Order) {
		s := serve(t, kitex)
		s.order(o)
		if out := s.call(o.of("Echo", "")); out.Failed || out.Text != "" || o.Form != "framed" && out.Metadata["answered-by"] != "muxkit" {
			t.Errorf("%+v", out)
		}
	})
}

func TestFromKitexHeaderAndTimeout(t *testing.T) {
	for _, mux := range []bool{true, false} {
		s := serve(t, kitex)
		token := nonce()
		o := Order{Form: "ttheader", Mux: mux, Method: "Describe", TimeoutMS: 20_000, Metadata: map[string]string{"gdpr-token": token}}
		var got Seen
		out := s.call(o)
		if err := json.Unmarshal([]byte(out.Text), &got); err != nil || out.Failed {
			t.Fatalf("%+v, %v", out, err)
		}
		if got.From != Caller || got.RemainingMS <= 0 || got.RemainingMS > 20_000 || got.Strings["RPC_TRANSIT_gdpr-token"] != token || got.Strings["isn"] != Service || got.Numbers[9] != "Describe" {
			t.Errorf("our server saw %+v", got)
		}
		o.TimeoutMS = 0
		if err := json.Unmarshal([]byte(s.call(o).Text), &got); err != nil || got.RemainingMS != -1 {
			t.Errorf("without a timeout our server saw %+v, %v", got, err)
		}
	}
}

func TestFromKitexTimeout(t *testing.T) {
	s := serve(t, kitex)
	key := nonce()
	o := Order{Form: "ttheader", Mux: true, Method: "Hold", Text: key, TimeoutMS: 5000}
	if out := s.call(o); !out.Failed || out.Kind != "other" && out.Code != 6 {
		t.Errorf("the client got %+v", out)
	}
	s.gates.Of(key).Ended.Await(t, "the server's context ends")
	s.order(Order{Form: "ttheader", Mux: true})
}

func TestFromKitexExceptions(t *testing.T) {
	kitexClients(t, func(t *testing.T, o Order) {
		s := serve(t, kitex)
		is := func(method, text string, kind int, message string) {
			t.Helper()
			out := s.call(o.of(method, text))
			if !out.Failed || out.Kind != "exception" || out.Code != kind || !strings.Contains(out.Message, message) {
				t.Errorf("%s(%s) gives %+v", method, text, out)
			}
		}
		for code, kind := range map[transport.Code]int{
			transport.CodeUnknown: 0, transport.CodeUnimplemented: 1, transport.CodeInvalidArgument: 7, transport.CodeInternal: 6,
			transport.CodeResourceExhausted: 6, transport.CodeUnavailable: 6, transport.CodeDeadlineExceeded: 6,
		} {
			is("Code", strconv.Itoa(int(code)), kind, fmt.Sprint("code ", int(code)))
		}
		is("Exception", "1000", 1000, "exception 1000")
		is("Panic", "secret", 6, "internal error")
		value := nonce()
		is("Plain", value, 0, "plain "+value)
		is("Nothing", "", 1, "unknown method")
		s.order(o)
	})
}

func TestFromKitexBusinessErrors(t *testing.T) {
	kitexClients(t, func(t *testing.T, o Order) {
		s := serve(t, kitex)
		for _, status := range []int{1, 6, 10007, -3} {
			text := strconv.Itoa(status)
			out := s.call(o.of("Business", text))
			kind, code := "business", status
			if o.Form == "framed" { // which has no place for the number
				kind, code = "exception", 0
			}
			if !out.Failed || out.Kind != kind || out.Code != code || !strings.Contains(out.Message, "business "+text) {
				t.Errorf("the status %d gives %+v", status, out)
			}
		}
	})
}

// All on the one connection of Kitex's mux.
func TestFromKitexOutOfOrder(t *testing.T) {
	for _, form := range []string{"ttheader", "ttheader-framed"} {
		s := serve(t, kitex, transport.ServiceMaxConns(1))
		o := Order{Form: form, Mux: true}
		key := nonce()
		held := s.begin(o.of("Hold", key))
		s.gates.Of(key).Arrived.Await(t, "the call arrives")
		for range 10 {
			s.order(o)
		}
		select {
		case out := <-held:
			t.Fatalf("the slow call was answered before it was released: %+v", out)
		default:
		}
		s.gates.Of(key).Release.Open()
		if out := s.End(held); out.Failed || out.Text != key {
			t.Errorf("%+v", out)
		}
	}
}

func TestFromKitexOneWay(t *testing.T) {
	kitexClients(t, func(t *testing.T, o Order) {
		s := serve(t, kitex)
		key := nonce()
		if out := s.call(o.of("Note", key)); out.Failed {
			t.Fatalf("%+v", out)
		}
		s.gates.Of(key).Arrived.Await(t, "the one-way call arrives")
		for range 10 { // on a pooled connection the next call would read an answer to it
			s.order(o)
		}
	})
}

func TestFromKitexOverload(t *testing.T) {
	s := serve(t, kitex, transport.ServiceMaxInFlight(0, 1))
	key := nonce()
	o := Order{Form: "ttheader", Mux: true}
	held := s.begin(o.of("Hold", key))
	s.gates.Of(key).Arrived.Await(t, "the call arrives")
	if out := s.call(o.of("Echo", "")); out.Kind != "exception" || out.Code != 6 {
		t.Errorf("one call too many gives %+v", out)
	}
	s.gates.Of(key).Release.Open()
	if out := s.End(held); out.Failed {
		t.Errorf("%+v", out)
	}
}

// TestFromKitexRollingShutdown: each call is answered while our Service is shut down under the
// load of 16 callers: with its answer, or, where Kitex's mux does not hear that the server goes,
// unrun, with an error by which the caller goes to another. Kitex's connection pool hears it.
func TestFromKitexRollingShutdown(t *testing.T) {
	for name, o := range map[string]Order{"mux": {Form: "ttheader", Mux: true}, "pool": {Form: "ttheader"}} {
		t.Run(name, func(t *testing.T) {
			s, other := serve(t, kitex), serve(t, kitex)
			var refused, absent atomic.Int64
			var moved [16]bool // callers that go to the other
			load := peertest.Begin(t, len(moved), func(caller int, nonce string) (string, error) {
				o := o.of("Echo", nonce)
				for {
					if moved[caller] {
						o.Address = other.address
					}
					switch out := s.call(o); {
					case !out.Failed:
						return out.Text, nil
					case moved[caller]:
						return "", fmt.Errorf("%+v", out)
					case o.Mux && out.Kind == "exception" && strings.Contains(out.Message, "the connection is going away"):
						refused.Add(1)
					case strings.Contains(out.Message, "get connection error"): // nobody listens
						absent.Add(1)
					default:
						return "", fmt.Errorf("%+v", out)
					}
					moved[caller] = true
				}
			})
			load.Answered()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := s.service.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			load.Answered()
			if load.End() > 0 {
				t.Error("calls were lost: ", load)
			}
			if refused.Load()+absent.Load() == 0 {
				t.Error("nobody went to the other: nothing was shown")
			}
			if !o.Mux && refused.Load() > 0 {
				t.Error("the connection pool did not hear that the server goes")
			}
			t.Logf("%v; %d were refused and %d found nobody, and were made elsewhere", load, refused.Load(), absent.Load())
		})
	}
}
