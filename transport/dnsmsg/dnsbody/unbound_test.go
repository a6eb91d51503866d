//go:build peers

package dnsbody_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	"github.com/miekg/dns"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg"
	"github.com/muxkit/muxkit/transport/dnsmsg/dnsbody"
)

// A real resolver, unbound, is asked by our Clients, and asks our Service for example.org.
//
//	nNONCE.example.org   TXT "nNONCE"
//	slow-NONCE           the same, when the test opens the gate
//	big                  TXT of 3000 bytes
//	none, broken         NXDOMAIN, SERVFAIL

// authority serves example.org over both networks, as muxkit does it.
type authority struct {
	address string
	gate    chan struct{} // closed: slow names are answered
	waiting atomic.Int32  // questions for slow names
	overTCP atomic.Int32  // questions that came over TCP
}

func serve(t *testing.T) *authority {
	t.Helper()
	a := &authority{gate: make(chan struct{})}
	pc, l := peertest.ListenBoth(t)
	a.address = pc.LocalAddr().String()
	ended := make(chan error, 2)
	for network, service := range map[string]*transport.Service{
		"udp": transport.NewService(dnsmsg.UDP{}), "tcp": transport.NewService(dnsmsg.TCP{}),
	} {
		service.Handle(dnsmsg.MethodQuery, transport.NewServer(func(ctx context.Context, r any) (any, error) {
			if network == "tcp" {
				a.overTCP.Add(1)
			}
			return a.answer(ctx, r.(*dns.Msg))
		}, dnsbody.Decode, dnsbody.Encode))
		go func() {
			if network == "udp" {
				ended <- service.ServePacket(pc)
			} else {
				ended <- service.Serve(l)
			}
		}()
		t.Cleanup(func() {
			service.Close()
			if err := bounded.Receive(t, ended); !errors.Is(err, transport.ErrServiceClosed) {
				t.Error(err)
			}
		})
	}
	return a
}

func (a *authority) answer(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	r := new(dns.Msg).SetReply(q)
	r.Authoritative = true
	label, _, _ := strings.Cut(strings.ToLower(q.Question[0].Name), ".")
	switch {
	case label == "none":
		return nil, &transport.Error{Code: transport.CodeNotFound}
	case label == "broken":
		return nil, errors.New("it broke")
	case strings.HasPrefix(label, "slow-"):
		a.waiting.Add(1)
		select {
		case <-a.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	text := []string{label}
	if label == "big" {
		text = strings.Split(strings.TrimSpace(strings.Repeat(strings.Repeat("t", 200)+" ", 15)), " ")
	}
	r.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}, Txt: text}}
	return r, nil
}

// unbound is the resolver.
type unbound struct{ *peertest.Unbound }

func start(t *testing.T, a *authority) unbound {
	t.Helper()
	settings := []string{"qname-minimisation: no", "num-queries-per-thread: 4096", "outgoing-range: 4096", "incoming-num-tcp: 100",
		`local-zone: "refused.test." refuse`}
	if version, err := exec.Command("unbound", "-V").Output(); err != nil {
		t.Fatal(err)
	} else if !bytes.HasPrefix(version, []byte("Version 1.17")) { // which knows neither
		settings = append(settings, "discard-timeout: 0", "wait-limit: 0")
	}
	return unbound{peertest.StartUnbound(t, a.address, settings...)}
}

func (u unbound) node(network string) transport.Node {
	return transport.Node{Network: network, Address: u.Address}
}

// over are endpoints that ask u over each network, with one connection each.
func over(t *testing.T, pool *muxpool.Multiplexed, u unbound) map[string]kitendpoint.Endpoint {
	return map[string]kitendpoint.Endpoint{
		"udp": dnsmsg.NewClient(pool, u.node("udp"), dnsmsg.MethodQuery, dnsbody.Encode, dnsbody.Decode).Endpoint(),
		"tcp": transport.NewClient(pool, u.node("tcp"), dnsmsg.TCP{}, dnsmsg.MethodQuery, dnsbody.Encode, dnsbody.Decode).Endpoint(),
	}
}

func newPool(t *testing.T) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New(muxpool.WithConnectNumber(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func question(label string) *dns.Msg {
	return new(dns.Msg).SetQuestion(label+".example.org.", dns.TypeTXT)
}

// check tells what of an answer is not the one to label.
func check(label string, response any, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", label, err)
	}
	r := response.(*dns.Msg)
	if len(r.Answer) == 1 {
		if txt, ok := r.Answer[0].(*dns.TXT); ok && len(txt.Txt) == 1 && txt.Txt[0] == label {
			return nil
		}
	}
	return fmt.Errorf("MISMATCH: %s was answered %v", label, r)
}

// until waits for what other processes bring about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after 30 s: %s", what)
		}
	}
}

// Ordinary answers, and the resolver's own errors, none of which costs the connection.
func TestUnboundAnswers(t *testing.T) {
	a, pool := serve(t), newPool(t)
	u := start(t, a)
	two := question("n1")
	two.Question = append(two.Question, two.Question[0])
	status := question("n1")
	status.Opcode = dns.OpcodeStatus
	for network, ask := range over(t, pool, u) {
		for i := range 20 {
			label := fmt.Sprintf("n%s-%d", network, i)
			response, err := ask(testContext(t), question(label))
			if err := check(label, response, err); err != nil {
				t.Error(network, err)
			}
		}
		response, err := ask(testContext(t), question("none"))
		if err != nil || response.(*dns.Msg).Rcode != dns.RcodeNameError {
			t.Errorf("%s: a name that is none: %v, %v", network, response, err)
		}
		response, err = ask(testContext(t), question("big"))
		if err != nil || response.(*dns.Msg).Len() < 3000 || response.(*dns.Msg).Truncated {
			t.Errorf("%s: a large answer: %v, %v", network, response, err)
		}
		for _, c := range []struct {
			name  string
			query *dns.Msg
			code  transport.Code
			rcode int
		}{
			{"a broken authority", question("broken"), transport.CodeInternal, dns.RcodeServerFailure},
			{"a refused name", new(dns.Msg).SetQuestion("www.refused.test.", dns.TypeA), transport.CodePermissionDenied, dns.RcodeRefused},
			{"two questions", two, transport.CodeInvalidArgument, dns.RcodeFormatError},
			{"an unknown opcode", status, transport.CodeUnimplemented, dns.RcodeNotImplemented},
		} {
			_, err := ask(testContext(t), c.query)
			var e *transport.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Status != c.rcode || !e.Remote {
				t.Errorf("%s: %s: %v", network, c.name, err)
			}
		}
	}
	if a.overTCP.Load() == 0 {
		t.Error("the resolver never asked us over TCP: our Service did not truncate")
	}
	if n := pool.Stats().Dials; n != 2 { // the large answer came over the TCP node's connection
		t.Errorf("%d dials", n)
	}
}

// Answers come in another order than the questions, on one connection and one socket; who leaves hurts nobody.
func TestUnboundOutOfOrder(t *testing.T) {
	a, pool := serve(t), newPool(t)
	u := start(t, a)
	const slow = 20
	ended := make(chan error, 2*slow)
	leaves, leave := context.WithCancel(testContext(t))
	for network, ask := range over(t, pool, u) {
		for i := range slow {
			ctx, label := testContext(t), fmt.Sprintf("slow-%s-%d", network, i)
			if i%2 == 1 {
				ctx = leaves
			}
			go func() {
				response, err := ask(ctx, question(label))
				if ctx == leaves && errors.Is(err, context.Canceled) {
					err = nil
				} else {
					err = check(label, response, err)
				}
				ended <- err
			}()
		}
	}
	until(t, "all slow questions wait at the authority", func() bool { return a.waiting.Load() >= 2*slow })
	fast := func(when string) {
		for network, ask := range over(t, pool, u) {
			for i := range 50 {
				label := fmt.Sprintf("n%s-%s-%d", when, network, i)
				response, err := ask(testContext(t), question(label))
				if err := check(label, response, err); err != nil {
					t.Error(network, err)
				}
			}
		}
	}
	fast("before")
	leave()
	for range slow {
		if err := bounded.Receive(t, ended); err != nil {
			t.Error(err)
		}
	}
	fast("left")
	close(a.gate)
	for range slow {
		if err := bounded.Receive(t, ended); err != nil {
			t.Error(err)
		}
	}
	fast("after")
	if s := pool.Stats(); s.Dials != 2 {
		t.Errorf("%d dials: the slow answers took the connections along", s.Dials)
	}
}

// set follows resolvers, over network, and asks again what got lost, for longer than the five seconds
// for which a resolver that heard nothing from the authority in time answers with that.
func set(t *testing.T, pool *muxpool.Multiplexed, network string, us ...unbound) kitendpoint.Endpoint {
	t.Helper()
	var instances muxendpoint.FixedInstances
	for _, u := range us {
		instances = append(instances, muxendpoint.Instance{Address: u.node(network).String()})
	}
	s := muxendpoint.NewSet(instances, log.NewNopLogger(), muxendpoint.WithRetry(20, 30*time.Second), muxendpoint.WithPerTryTimeout(2*time.Second),
		muxendpoint.WithBackoff(100*time.Millisecond, time.Second), muxendpoint.WithIdempotent(muxendpoint.Always), muxendpoint.WithoutBudget())
	t.Cleanup(s.Close)
	if network == "tcp" {
		return s.Endpoint(dnsmsg.MethodQuery, func(n transport.Node) *transport.Client {
			return transport.NewClient(pool, n, dnsmsg.TCP{}, dnsmsg.MethodQuery, dnsbody.Encode, dnsbody.Decode)
		})
	}
	return s.EndpointFrom(dnsmsg.MethodQuery, dnsbody.Factory(pool, dnsmsg.MethodQuery))
}

// 2000 callers at once: each gets its answer.
func TestUnboundManyCallers(t *testing.T) {
	a, pool := serve(t), newPool(t)
	u := start(t, a)
	for _, network := range []string{"udp", "tcp"} {
		ask := set(t, pool, network, u)
		var wg sync.WaitGroup
		var wrong atomic.Int32
		for i := range 2000 {
			wg.Go(func() {
				label := fmt.Sprintf("n%s-%d", network, i)
				response, err := ask(testContext(t), question(label))
				if err := check(label, response, err); err != nil && wrong.Add(1) < 10 {
					t.Error(network, err)
				}
			})
		}
		bounded.Wait(t, wg.Wait)
		if n := wrong.Load(); n > 0 {
			t.Errorf("%s: %d of 2000 calls failed", network, n)
		}
	}
	t.Logf("%d late or unasked answers", pool.Stats().Unsolicited)
}

// One of two resolvers is killed under load, and comes back: nothing is lost that may be asked
// again, and nobody gets another's answer.
func TestUnboundIsKilled(t *testing.T) {
	a, pool := serve(t), newPool(t)
	u, other := start(t, a), start(t, a)
	for _, network := range []string{"udp", "tcp"} {
		ask := set(t, pool, network, u, other)
		var answered atomic.Int64
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for caller := range 50 {
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					label := fmt.Sprintf("n%s-%d-%d", network, caller, i)
					response, err := ask(testContext(t), question(label))
					if err := check(label, response, err); err != nil {
						t.Error(network, err)
						return
					}
					answered.Add(1)
				}
			})
		}
		goesOn := func(when string) {
			n := answered.Load()
			until(t, "calls are answered "+when, func() bool { return answered.Load() > n+500 })
		}
		goesOn("before")
		u.Kill()
		goesOn("while it is away")
		u.Start(t)
		goesOn("when it is back")
		close(stop)
		bounded.Wait(t, wg.Wait)
		t.Logf("%s: %d calls", network, answered.Load())
	}
}
