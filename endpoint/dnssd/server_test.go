package dnssd

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// server is a DNS server on UDP and TCP that says what a test wants: records, a code, nothing.
type server struct {
	address string
	mu      sync.Mutex
	zone    []string                                  // records
	rcode   int                                       // if it is not 0
	spoil   func(r *dns.Msg, network string) *dns.Msg // nil: none; it may return nil, for no answer
	asked   map[string]int                            // by network and type
}

func serve(t *testing.T, records ...string) *server {
	pc, l := peertest.ListenBoth(t)
	s := &server{address: pc.LocalAddr().String(), zone: records, asked: map[string]int{}}
	for _, d := range []*dns.Server{
		{PacketConn: pc, Handler: s.handler("udp")}, {Listener: l, Handler: s.handler("tcp")},
	} {
		ready := make(chan struct{})
		d.NotifyStartedFunc = func() { close(ready) }
		ended := make(chan error, 1)
		go func() { ended <- d.ActivateAndServe() }()
		bounded.Receive(t, ready)
		t.Cleanup(func() {
			d.Shutdown()
			bounded.Receive(t, ended)
		})
	}
	return s
}

func (s *server) handler(network string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked[network+dns.TypeToString[q.Question[0].Qtype]]++
		r := new(dns.Msg)
		r.SetRcode(q, s.rcode)
		if s.rcode == 0 {
			for _, text := range s.zone {
				rr, err := dns.NewRR(text)
				if err != nil {
					panic(err)
				}
				if rr.Header().Rrtype == q.Question[0].Qtype || rr.Header().Rrtype == dns.TypeCNAME {
					r.Answer = append(r.Answer, rr)
				}
			}
		}
		if network == "udp" {
			r.Truncate(dns.MinMsgSize)
		}
		if s.spoil != nil {
			r = s.spoil(r, network)
		}
		if r != nil {
			w.WriteMsg(r)
		}
	}
}

func (s *server) says(rcode int, records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rcode, s.zone = rcode, records
}

func (s *server) spoils(with func(r *dns.Msg, network string) *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoil = with
}

func (s *server) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[what]
}

// watch hears what an Instancer tells, but for labels.
func watch(t *testing.T, i *Instancer, err error) *discoverytest.Witness {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return discoverytest.Watch(t, i, func(in muxendpoint.Instance) string {
		in.Labels = nil
		return in.String()
	})
}

func quick(s *server, more ...string) []Option {
	return []Option{WithServers(append(more, s.address)...), WithInterval(20*time.Millisecond, 200*time.Millisecond), WithTimeout(time.Second)}
}

func srv(priority, weight, port int, target string) string {
	return fmt.Sprintf("_stock._tcp.example.org. 0 IN SRV %d %d %d %s", priority, weight, port, target)
}
