//go:build peers

package interop

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// Apache Thrift's own servers and clients, framed, in two languages.

func apaches(t *testing.T, f func(t *testing.T, p peer)) {
	for _, p := range []peer{apache, python} {
		t.Run(string(p), func(t *testing.T) { f(t, p) })
	}
}

var framed = ttheader.Protocol{Form: ttheader.FormFramed}

func TestToApache(t *testing.T) {
	apaches(t, func(t *testing.T, server peer) {
		c := newCaller(t, framed, server, nil, muxpool.WithConnectNumber(1))
		c.Must("Echo", nonce())
		c.Must("Echo", "")
		key := nonce()
		if got, err := c.Call("Note", key, transport.ClientOneWay()); got != "" || err != nil {
			t.Fatalf("a one-way call gives %q, %v", got, err)
		}
		c.Must("Arrived", key)
		for kind, code := range map[int]transport.Code{
			1: transport.CodeUnimplemented, 6: transport.CodeInternal, 7: transport.CodeInvalidArgument, 0: transport.CodeUnknown, 77: transport.CodeUnknown,
		} {
			if e := c.Refused("Exception", strconv.Itoa(kind)); e.Code != code || e.Status != kind || !e.Remote || e.NotRun || e.Message != fmt.Sprint("exception ", kind) {
				t.Errorf("an exception of type %d gives %+v", kind, e)
			}
		}
		if e := c.Refused("Plain", key); e.Code != transport.CodeInternal || e.Status != 6 || !e.Remote {
			t.Errorf("a plain error gives %+v", e)
		}
		if e := c.Refused("Nothing"+key, ""); e.Code != transport.CodeUnimplemented || e.Status != 1 || !e.Remote || e.NotRun || !strings.Contains(e.Message, "Nothing"+key) {
			t.Errorf("an unknown method gives %+v", e)
		}
		c.Must("Echo", nonce())
		c.DialedOnce()
		c.NothingUnasked()
	})
}

func TestFromApache(t *testing.T) {
	apaches(t, func(t *testing.T, client peer) {
		s := serve(t, client)
		o := Order{Form: "framed"}
		s.order(o)
		key := nonce()
		if out := s.call(o.of("Note", key)); out.Failed {
			t.Errorf("%+v", out)
		}
		s.gates.Of(key).Arrived.Await(t, "the one-way call arrives")
		for range 10 {
			s.order(o)
		}
		is := func(method, text string, kind int, message string) {
			t.Helper()
			out := s.call(o.of(method, text))
			if !out.Failed || out.Kind != "exception" || out.Code != kind || !strings.Contains(out.Message, message) {
				t.Errorf("%s(%s) gives %+v", method, text, out)
			}
		}
		is("Nothing", "", 1, "unknown method Nothing")
		is("Exception", "1000", 1000, "exception 1000")
		is("Panic", "secret", 6, "internal error")
		is("Plain", key, 0, "plain "+key)
		is("Business", "402", 0, "business 402")
		s.order(o)
	})
}
