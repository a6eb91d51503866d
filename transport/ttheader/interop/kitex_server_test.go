//go:build peers

package interop

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/callertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// The tests here call Kitex's server with our Client.

// withMux are the arguments of a server with Kitex's mux.
var withMux = []string{"-mux"}

// kitexServers runs a test on Kitex's server in all ways that it can be served and asked.
func kitexServers(t *testing.T, f func(t *testing.T, p ttheader.Protocol, args []string)) {
	for _, c := range []struct {
		name string
		p    ttheader.Protocol
		args []string
	}{
		{"mux", ttheader.Protocol{}, withMux},
		{"mux, TTHeader framed", ttheader.Protocol{Form: ttheader.FormTTHeaderFramed}, withMux},
		{"plain", ttheader.Protocol{}, nil},
		{"plain, framed", ttheader.Protocol{Form: ttheader.FormFramed}, nil},
	} {
		t.Run(c.name, func(t *testing.T) { f(t, c.p, c.args) })
	}
}

func TestToKitexTextAndMetadata(t *testing.T) {
	kitexServers(t, func(t *testing.T, p ttheader.Protocol, args []string) {
		c := newCaller(t, p, kitex, args)
		value := nonce()
		var answer transport.Metadata
		c.Must("Echo", nonce(), transport.ClientBefore(transport.SetRequestMetadata("RPC_TRANSIT_NONCE", value)),
			transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
				answer = m.Metadata
				return ctx
			}))
		if p.Form != ttheader.FormFramed && (answer["nonce"] != value || answer["answered-by"] != "kitex") {
			t.Errorf("the answer's metadata is %v", answer)
		}
		c.Must("Echo", "")
	})
}

func TestToKitexHeaderAndTimeout(t *testing.T) {
	for _, p := range []ttheader.Protocol{{Service: Service}, {Form: ttheader.FormTTHeaderFramed, Service: Service}} {
		c := newCaller(t, p, kitex, []string{"-mux", "-context-timeout"})
		token, log := nonce(), nonce()
		got := c.describe(transport.ClientTimeout(patience), transport.ClientBefore(transport.SetRequestMetadata(ttheader.MetadataACLToken, token),
			func(ctx context.Context, m *transport.Message) context.Context {
				head := new(ttheader.Head)
				head.Set(ttheader.KeyLogID, log)
				m.Tag = head
				return ctx
			}))
		if got.From != Caller || got.RemainingMS <= 0 || got.RemainingMS > patience.Milliseconds() ||
			got.Strings[ttheader.MetadataACLToken] != token || got.Strings["isn"] != Service ||
			got.Numbers[ttheader.KeyLogID] != log || got.Numbers[ttheader.KeyToService] != Callee || got.Numbers[ttheader.KeyToMethod] != "Describe" {
			t.Errorf("the server saw %+v", got)
		}
		if got := c.describe(); got.RemainingMS != -1 {
			t.Errorf("without a deadline the server saw %+v", got)
		}
	}
}

// The server's context ends when the time is over that the caller stated; what it answers then
// is late, or an exception of the type INTERNAL_ERROR, and the connection stays in use.
func TestToKitexTimeout(t *testing.T) {
	c := newCaller(t, ttheader.Protocol{}, kitex, []string{"-mux", "-context-timeout"}, muxpool.WithConnectNumber(1))
	c.Must("Echo", nonce())
	key := nonce()
	e := c.Refused("Hold", key, transport.ClientTimeout(500*time.Millisecond))
	if e.Code != transport.CodeDeadlineExceeded && e.Code != transport.CodeInternal || !e.Sent() {
		t.Errorf("the call ends with %+v", e)
	}
	c.Must("Ended", key)
	c.Must("Echo", nonce())
	c.DialedOnce()
}

func TestToKitexBusinessErrors(t *testing.T) {
	for _, args := range [][]string{nil, withMux} {
		c := newCaller(t, ttheader.Protocol{}, kitex, args)
		for _, status := range []int{1, 6, 10007, -3} {
			var md transport.Metadata
			e := c.Refused("Business", strconv.Itoa(status), transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
				md = m.Metadata
				return ctx
			}))
			if !e.Business() || e.Status != status || !e.Remote || e.Message != fmt.Sprint("business ", status) {
				t.Errorf("the status %d gives %+v", status, e)
			}
			if md[ttheader.MetadataBizExtra] != `{"k":"v"}` {
				t.Errorf("the answer's metadata is %v", md)
			}
		}
		c.Must("Echo", nonce())
	}
}

func TestToKitexExceptions(t *testing.T) {
	kitexServers(t, func(t *testing.T, p ttheader.Protocol, args []string) {
		c := newCaller(t, p, kitex, args)
		for kind, code := range map[int]transport.Code{
			1: transport.CodeUnimplemented, 2: transport.CodeInvalidArgument, 3: transport.CodeInternal, 4: transport.CodeInternal,
			5: transport.CodeInternal, 6: transport.CodeInternal, 7: transport.CodeInvalidArgument, 8: transport.CodeInvalidArgument,
			9: transport.CodeInvalidArgument, 10: transport.CodeInvalidArgument, 11: transport.CodeInvalidArgument, 20: transport.CodeUnimplemented, 21: transport.CodeInvalidArgument,
			1000: transport.CodeUnknown, -5: transport.CodeUnknown,
		} {
			e := c.Refused("Exception", strconv.Itoa(kind))
			if e.Code != code || e.Status != kind || !e.Remote || e.NotRun {
				t.Errorf("an exception of type %d gives %+v", kind, e)
			}
		}
		value := nonce()
		if e := c.Refused("Plain", value); e.Code != transport.CodeInternal || e.Status != 6 || !e.Remote {
			t.Errorf("a plain error gives %+v", e)
		}
		if e := c.Refused("Panic", value); e.Code != transport.CodeInternal || !e.Remote {
			t.Errorf("a panic gives %+v", e)
		}
		// Without its mux Kitex ends the connection behind this one.
		if e := c.Refused("Nothing"+value, ""); e.Code != transport.CodeUnimplemented || e.Status != 20 && e.Status != 1 || !e.Remote || e.NotRun {
			t.Errorf("an unknown method gives %+v", e)
		}
		if _, err := c.Call("Echo", value); err != nil && verdict.Of(err).Code != verdict.CodeConnection { // which it has met
			t.Error(err)
		}
		c.Must("Echo", nonce())
	})
}

// Kitex's limit is an error of the type INTERNAL_ERROR, of which only the text says what it is.
func TestToKitexOverload(t *testing.T) {
	c := newCaller(t, ttheader.Protocol{}, kitex, []string{"-mux", "-qps=1"})
	for i := 0; ; i++ {
		_, err := c.Call("Echo", "")
		if err == nil && i < 10000 {
			continue
		}
		if e, ok := err.(*transport.Error); !ok || e.Code != transport.CodeInternal || e.Status != 6 || !e.Remote || e.NotRun {
			t.Errorf("a call too many gives %+v", err)
		} else {
			t.Log(e)
		}
		return
	}
}

func TestToKitexOutOfOrder(t *testing.T) {
	for _, form := range []ttheader.Form{ttheader.FormTTHeader, ttheader.FormTTHeaderFramed} {
		c := newCaller(t, ttheader.Protocol{Form: form}, kitex, withMux, muxpool.WithConnectNumber(1))
		c.Holds()
	}
}

func TestToKitexOneWay(t *testing.T) {
	kitexServers(t, func(t *testing.T, p ttheader.Protocol, args []string) {
		c := newCaller(t, p, kitex, args, muxpool.WithConnectNumber(1))
		key := nonce()
		if got, err := c.Call("Note", key, transport.ClientOneWay()); got != "" || err != nil {
			t.Fatalf("a one-way call gives %q, %v", got, err)
		}
		c.Must("Arrived", key)
		for range 100 { // an answer to the one-way call would be counted
			c.Must("Echo", nonce())
		}
		c.NothingUnasked()
	})
}

// TestToKitexShutdown: Kitex's mux says in a frame that it goes, and the pool takes it for that.
// Without its mux it says so in answers to calls that came after; of a quiet connection it just
// ends its side, which is no failure either. The call in flight is answered.
func TestToKitexShutdown(t *testing.T) {
	for name, args := range map[string][]string{"mux": withMux, "plain": nil} {
		t.Run(name, func(t *testing.T) {
			c := newCaller(t, ttheader.Protocol{}, kitex, args, muxpool.WithConnectNumber(1))
			down := make(chan muxpool.Event, 100)
			defer c.Pool.Subscribe(func(ev muxpool.Event) {
				if ev.Kind == muxpool.ConnDown {
					down <- ev
				}
			})()
			key, slow := nonce(), make(chan error, 1)
			go func() {
				got, err := c.Call("Slow", key)
				if err == nil && got != key {
					err = fmt.Errorf("the answer is %q", got)
				}
				slow <- err
			}()
			if args != nil {
				c.Must("Arrived", key)
			} else {
				c.arrivedElsewhere(key)
			}
			if _, err := c.server.In.Write([]byte("stop\n")); err != nil {
				t.Fatal(err)
			}
			if err := bounded.Receive(t, slow); err != nil {
				t.Error("the call that was in flight: ", err)
			}
			if ev := bounded.Receive(t, down); ev.Reason != muxpool.ReasonGoingAway && (args != nil || ev.Reason != muxpool.ReasonPeerClosed) {
				t.Errorf("the connection ends otherwise: %v", ev)
			}
		})
	}
}

// arrivedElsewhere waits for the arrival of a held call over a connection of its own, since the
// server serves that of the call in order.
func (c caller) arrivedElsewhere(key string) {
	c.T.Helper()
	callertest.New(c.T, c.Node.Address, c.Protocol).Must("Arrived", key)
}

func Test64CallersToKitex(t *testing.T) {
	kitexServers(t, func(t *testing.T, p ttheader.Protocol, args []string) {
		c := newCaller(t, p, kitex, args)
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				for range 20 {
					c.echo()
				}
			})
		}
		bounded.Wait(t, group.Wait)
	})
}

// echo makes a call with a nonce in its text and, where there is a header, in its metadata.
func (c caller) echo() {
	text, value := nonce(), nonce()
	var answer transport.Metadata
	got, err := c.Call("Echo", text, transport.ClientBefore(transport.SetRequestMetadata("RPC_TRANSIT_NONCE", value)),
		transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
			answer = m.Metadata
			return ctx
		}))
	if got != text || c.p.Form != ttheader.FormFramed && answer["nonce"] != value || err != nil {
		c.T.Errorf("Echo(%q) gives %q, %v, %v", text, got, answer, err)
	}
}

// Kitex's answers to what makes no sense, and that it goes on, or does not.
func TestToKitexBadInput(t *testing.T) {
	c := newCaller(t, ttheader.Protocol{}, kitex, withMux, muxpool.WithConnectNumber(1))
	answered := func(name string, frame func(id uint32) []byte) *transport.Error {
		t.Helper()
		mc := c.Frames()
		defer mc.Close()
		if err := mc.Write(frame(mc.VID())); err != nil {
			t.Fatal(err)
		}
		b, err := mc.Read()
		if err != nil {
			t.Errorf("%s: no answer: %v", name, err)
			return new(transport.Error)
		}
		var e *transport.Error
		if err := c.p.ParseResponse(b, &transport.Message{Method: "Echo"}); !errors.As(err, &e) {
			t.Errorf("%s: the answer is %v", name, err)
			return new(transport.Error)
		}
		return e
	}
	if e := answered("a text that is longer than the frame", func(id uint32) []byte {
		frame, _ := requestTo(t, id)
		return change(frame, len(frame)-len("text")-5, 0, 0, 1, 0)
	}); e.Status != 7 || e.Code != transport.CodeInvalidArgument {
		t.Errorf("a text that is longer than the frame: %+v", e)
	}
	c.Must("Echo", nonce())
	c.DialedOnce() // an error answer cost no connection
	for name, wrong := range map[string]func(frame []byte, message int) []byte{
		"a magic that is none": func(frame []byte, _ int) []byte { return change(frame, 4, 0x77) },
		"a type that is none":  func(frame []byte, message int) []byte { return change(frame, message+3, 9) }, // Kitex has no method to name in its exception
	} {
		mc := c.Frames()
		if err := mc.Write(wrong(requestTo(t, mc.VID()))); err != nil {
			t.Fatal(err)
		}
		if _, err := mc.Read(); !errors.Is(err, muxpool.ErrConnLost) {
			t.Errorf("%s: %v", name, err)
		}
		c.Must("Echo", nonce())
	}
}
