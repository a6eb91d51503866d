//go:build peers

package interop

import (
	"context"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// realServers are the servers that take many callers, and how.
var realServers = []struct {
	name   string
	server peer
	p      ttheader.Protocol
	args   []string
}{
	{"Kitex, mux", kitex, ttheader.Protocol{}, withMux},
	{"Kitex, plain", kitex, ttheader.Protocol{Form: ttheader.FormTTHeaderFramed}, nil},
	{"Apache, Go", apache, ttheader.Protocol{Form: ttheader.FormFramed}, nil},
	{"Apache, Python", python, ttheader.Protocol{Form: ttheader.FormFramed}, nil},
}

// TestManyCallersToServers: two thousand at once, 200 of whom leave; nobody gets another's
// answer.
func TestManyCallersToServers(t *testing.T) {
	for _, s := range realServers {
		t.Run(s.name, func(t *testing.T) {
			c := newCaller(t, s.p, s.server, s.args)
			left := peertest.Crowd(t, c.echo, func(ctx context.Context) bool {
				_, err := c.CallWith(ctx, c.leftMethod(), nonce())
				return errors.Is(err, context.Canceled)
			})
			if s.server == kitex && s.args != nil && left != 200 {
				t.Errorf("%d callers left, not 200", left)
			}
			t.Logf("%d callers left", left)
		})
	}
}

// leftMethod is what those call who leave: a server that answers in order must not hold it.
func (c caller) leftMethod() string {
	if c.inOrder() {
		return "Echo"
	}
	return "Hold"
}

func (c caller) inOrder() bool { return c.p.Form != ttheader.FormTTHeader }

func TestServersAreKilledAndComeBack(t *testing.T) {
	for _, s := range realServers {
		t.Run(s.name, func(t *testing.T) {
			c := newCaller(t, s.p, s.server, s.args)
			call := func(nonce string) (string, error) { return c.Patient("Echo", nonce) }
			peertest.KillTwice(t, call, c.server.Kill, func() func() {
				server, _ := startServer(t, s.server, c.Node.Address, s.args...)
				return server.Kill
			})
		})
	}
}

// realClients are the clients that make many calls, and how.
var realClients = []struct {
	name   string
	client peer
	o      Order
}{
	{"Kitex, mux", kitex, Order{Form: "ttheader", Mux: true}},
	{"Kitex, pool", kitex, Order{Form: "ttheader"}},
	{"Apache, Go", apache, Order{Form: "framed"}},
	{"Apache, Python", python, Order{Form: "framed"}},
}

// TestManyCallersFromClients: two thousand at once, some of whom leave by their timeouts.
func TestManyCallersFromClients(t *testing.T) {
	for _, c := range realClients {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.client)
			peertest.Crowd(t, func() { s.order(c.o) }, func(context.Context) bool {
				o := c.o.of("Hold", nonce())
				o.TimeoutMS = 50
				out := s.call(o)
				if !out.Failed {
					t.Error("a call that is held is answered")
				}
				return out.Failed
			})
		})
	}
}

// TestServiceComesBackToKitex: our Service ends under the load of Kitex's mux, and comes
// back at the same address.
func TestServiceComesBackToKitex(t *testing.T) {
	s := serve(t, kitex)
	call := func(nonce string) (string, error) {
		out := s.call(Order{Form: "ttheader", Mux: true, Method: "Echo", Text: nonce})
		if out.Failed {
			return "", errors.New(out.Message)
		}
		return out.Text, nil
	}
	end := func(s *served) func() { return func() { _ = s.service.Close() } }
	peertest.KillTwice(t, call, end(s), func() func() { return end(serveAt(t, s.address)) })
}
