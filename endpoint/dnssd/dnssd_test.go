package dnssd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{address: pc.LocalAddr().String(), zone: records, asked: map[string]int{}}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Skip("the port is taken for TCP:", err)
	}
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

// witness keeps what an Instancer tells.
type witness struct {
	mu   sync.Mutex
	told string // the last list and, behind "!", the error after it
	left []string
}

func (w *witness) Log(kv ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = append(w.left, fmt.Sprint(kv...))
	return nil
}

func (w *witness) now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

func (w *witness) follow(t *testing.T, i *Instancer, err error) *Instancer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ch, quit, ended := make(chan muxendpoint.InstancesEvent), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case ev := <-ch:
				w.mu.Lock()
				if ev.Err != nil {
					w.told, _, _ = strings.Cut(w.told, "!")
					w.told += "!" + ev.Err.Error()
				} else {
					var all []string
					for _, in := range ev.Instances {
						in.Labels = nil
						all = append(all, in.String())
					}
					w.told = "[" + strings.Join(all, " ") + "]"
				}
				w.mu.Unlock()
			case <-quit:
				return
			}
		}
	}()
	i.RegisterInstances(ch)
	t.Cleanup(func() {
		i.DeregisterInstances(ch)
		close(quit)
		bounded.Receive(t, ended)
		i.Stop()
	})
	return i
}

// sees waits for a list, or for an error after it: [list]!text.
func (w *witness) sees(t *testing.T, want string) {
	t.Helper()
	list, fault, failed := strings.Cut(want, "!")
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := w.now()
		l, f, bad := strings.Cut(got, "!")
		if l == list && bad == failed && strings.Contains(f, fault) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it tells %s, want %s", got, want)
		}
	}
}

var _ log.Logger = (*witness)(nil)

func quick(s *server, w *witness, more ...string) []Option {
	return []Option{WithServers(append(more, s.address)...), WithInterval(20*time.Millisecond, 200*time.Millisecond), WithTimeout(time.Second), WithLogger(w)}
}

func srv(priority, weight, port int, target string) string {
	return fmt.Sprintf("_stock._tcp.example.org. 0 IN SRV %d %d %d %s", priority, weight, port, target)
}

func TestSRVRecords(t *testing.T) {
	var many []string
	var list string
	for i := range 100 {
		many = append(many, srv(0, 0, 8080, fmt.Sprintf("node-%03d.example.org.", i)))
		list += fmt.Sprintf(`{"address":"node-%03d.example.org.:8080","weight":1} `, i)
	}
	for _, c := range []struct {
		name    string
		records []string
		want    string
		left    int
	}{
		{"weights", []string{srv(5, 200, 80, "a.x."), srv(5, 100, 80, "b.x."), srv(5, 0, 80, "c.x.")},
			`[{"address":"a.x.:80","weight":200} {"address":"b.x.:80","weight":100} {"address":"c.x.:80","weight":1}]`, 0},
		{"priorities", []string{srv(20, 65535, 80, "c.x."), srv(10, 2, 80, "b.x."), srv(10, 65535, 80, "a.x.")},
			`[{"address":"a.x.:80","weight":4294967295} {"address":"b.x.:80","weight":131074} {"address":"c.x.:80","weight":1}]`, 0},
		{"twice, the better one counts", []string{srv(1, 7, 80, "a.x."), srv(0, 3, 80, "a.x.")}, `[{"address":"a.x.:80","weight":196611}]`, 0},
		{"bad ones among them", []string{srv(0, 1, 0, "a.x."), srv(0, 1, 80, "."), srv(0, 1, 80, `a\032b.x.`), srv(0, 1, 80, "b.x.")}, `[{"address":"b.x.:80","weight":1}]`, 2},
		{"another name of it", []string{"_stock._tcp.example.org. 0 IN CNAME other.x.", "other.x. 0 IN SRV 0 1 80 a.x.", "stranger.x. 0 IN SRV 0 1 80 b.x."}, `[{"address":"a.x.:80","weight":1}]`, 0},
		{"more than UDP holds", many, "[" + strings.TrimSpace(list) + "]", 0},
		{"no good one", []string{srv(0, 1, 0, "a.x.")}, "!none of 1 entries is an instance", 1},
		{"not here", []string{srv(0, 0, 0, ".")}, "!decidedly not available", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, w := serve(t, c.records...), &witness{}
			i, err := NewSRV("_stock._tcp.example.org", quick(s, w)...)
			w.follow(t, i, err)
			w.sees(t, c.want)
			w.mu.Lock()
			defer w.mu.Unlock()
			if strings.HasPrefix(c.name, "bad") && len(w.left) < c.left {
				t.Errorf("named: %q", w.left)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	s, w := serve(t, "n.x. 0 IN A 10.0.0.2", "n.x. 0 IN A 10.0.0.1", "n.x. 0 IN A 10.0.0.1", "n.x. 0 IN AAAA fd00::1", "n.x. 0 IN AAAA ::ffff:10.0.0.1", "n.x. 0 IN A 0.0.0.0"), &witness{}
	i, err := NewAddresses("n.x", 80, quick(s, w)...)
	w.follow(t, i, err)
	w.sees(t, "[10.0.0.1:80 10.0.0.2:80 [fd00::1]:80]")
	bad6 := func(how func(r *dns.Msg)) {
		s.spoils(func(r *dns.Msg, _ string) *dns.Msg {
			if r.Question[0].Qtype == dns.TypeAAAA {
				how(r)
			}
			return r
		})
	}
	bad6(func(r *dns.Msg) { r.Rcode, r.Answer = dns.RcodeServerFailure, nil })
	s.says(0, "n.x. 0 IN A 10.0.0.3")
	w.sees(t, "[10.0.0.1:80 10.0.0.3:80 [fd00::1]:80]!SERVFAIL") // what was known of IPv6 stays
	bad6(func(r *dns.Msg) { r.Answer = nil })
	w.sees(t, "[10.0.0.3:80]")

	s, w = serve(t, "n.x. 0 IN A 10.0.0.1"), &witness{} // a server that never knew of IPv6
	bad6(func(r *dns.Msg) { r.Rcode, r.Answer = dns.RcodeRefused, nil })
	i, err = NewAddresses("n.x", 80, quick(s, w)...)
	w.follow(t, i, err)
	w.sees(t, "[10.0.0.1:80]")
}

// Whatever a server answers instead of an answer, the list stands, and comes back.
func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *dns.Msg, network string) *dns.Msg
		want  string
	}{
		"SERVFAIL":         {func(r *dns.Msg, _ string) *dns.Msg { r.Rcode, r.Answer = dns.RcodeServerFailure, nil; return r }, "SERVFAIL"},
		"REFUSED":          {func(r *dns.Msg, _ string) *dns.Msg { r.Rcode, r.Answer = dns.RcodeRefused, nil; return r }, "REFUSED"},
		"nothing":          {func(*dns.Msg, string) *dns.Msg { return nil }, "by udp"},
		"another id":       {func(r *dns.Msg, _ string) *dns.Msg { r.Id++; return r }, "by udp"},
		"another question": {func(r *dns.Msg, _ string) *dns.Msg { r.Question[0].Name = "other.x."; return r }, "another question"},
		"no question":      {func(r *dns.Msg, _ string) *dns.Msg { r.Question = nil; return r }, ""},
		"a question":       {func(r *dns.Msg, _ string) *dns.Msg { r.Response = false; return r }, ""},
		"always truncated": {func(r *dns.Msg, _ string) *dns.Msg { r.Truncated = true; return r }, "truncated over TCP"},
		"truncated, and no TCP": {func(r *dns.Msg, network string) *dns.Msg {
			if network == "tcp" {
				return nil
			}
			r.Truncated = true
			return r
		}, "by tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			s, w := serve(t, srv(0, 1, 80, "a.x.")), &witness{}
			i, err := NewSRV("_stock._tcp.example.org", append(quick(s, w), WithTimeout(200*time.Millisecond))...)
			w.follow(t, i, err)
			list := `[{"address":"a.x.:80","weight":1}]`
			w.sees(t, list)
			s.spoils(c.spoil)
			w.sees(t, list+"!"+c.want)
			s.spoils(nil)
			w.sees(t, list)
		})
	}
}

// That there are none is an error at first, and a list when it was said twice.
func TestWhenThereAreNone(t *testing.T) {
	for _, rcode := range []int{dns.RcodeNameError, dns.RcodeSuccess} {
		s, w := serve(t), &witness{}
		s.says(rcode)
		i, err := NewSRV("_stock._tcp.example.org", quick(s, w)...)
		w.follow(t, i, err)
		w.sees(t, "!no such records")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := i.Await(ctx); !errors.Is(err, errNone) {
			t.Error(err)
		}
		cancel()
		s.says(0, srv(0, 1, 80, "a.x."))
		w.sees(t, `[{"address":"a.x.:80","weight":1}]`)
		s.spoils(func(r *dns.Msg, _ string) *dns.Msg { // once
			s.spoil = nil
			r.Rcode, r.Answer = rcode, nil
			return r
		})
		before := s.count("udpSRV")
		for s.count("udpSRV") < before+4 {
			if got := w.now(); strings.HasPrefix(got, "[]") {
				t.Fatalf("said once, and believed: %s", got)
			}
			time.Sleep(time.Millisecond)
		}
		w.sees(t, `[{"address":"a.x.:80","weight":1}]`)
		s.says(rcode)
		w.sees(t, "[]")
		s.says(0, srv(0, 1, 80, "b.x."))
		w.sees(t, `[{"address":"b.x.:80","weight":1}]`)
	}
}

// The next server is asked when one does not answer, and is the first from then on.
func TestServersInTurn(t *testing.T) {
	dead, s, w := serve(t), serve(t, srv(0, 1, 80, "a.x.")), &witness{}
	dead.spoils(func(*dns.Msg, string) *dns.Msg { return nil })
	i, err := NewSRV("_stock._tcp.example.org", append(quick(s, w, dead.address), WithTimeout(100*time.Millisecond))...)
	w.follow(t, i, err)
	w.sees(t, `[{"address":"a.x.:80","weight":1}]`)
	for before := s.count("udpSRV"); s.count("udpSRV") < before+3; time.Sleep(time.Millisecond) {
	}
	if n := dead.count("udpSRV"); n != 1 {
		t.Errorf("the dead one was asked %d times", n)
	}
	s.spoils(func(r *dns.Msg, _ string) *dns.Msg { // an old server
		if r.IsEdns0() == nil && len(r.Extra) == 0 && s.asked["udpSRV"]%2 == 1 {
			r.Rcode, r.Answer = dns.RcodeFormatError, nil
		}
		return r
	})
	s.says(0, srv(0, 1, 80, "b.x."))
	w.sees(t, `[{"address":"b.x.:80","weight":1}]`)
}

// An answer holds for its time to live; who asks for more looks is heard, but not too often.
func TestLooksByTimeToLiveAndOnRequest(t *testing.T) {
	s, w := serve(t, strings.Replace(srv(0, 1, 80, "a.x."), " 0 IN", " 3600 IN", 1)), &witness{}
	i, err := NewSRV("_stock._tcp.example.org", WithServers(s.address), WithInterval(50*time.Millisecond, 0))
	w.follow(t, i, err)
	w.sees(t, `[{"address":"a.x.:80","weight":1}]`)
	if n := s.count("udpSRV"); n != 1 {
		t.Errorf("%d looks within the time to live", n)
	}
	s.says(0, srv(0, 1, 80, "b.x."))
	began := time.Now()
	i.Refresh()
	w.sees(t, `[{"address":"b.x.:80","weight":1}]`)
	for range 100 {
		i.Refresh()
		time.Sleep(time.Millisecond)
	}
	if n, most := s.count("udpSRV"), int(time.Since(began)/(50*time.Millisecond))+2; n > most {
		t.Errorf("%d looks in %v, %d are allowed", n, time.Since(began), most)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, make := range map[string]func() (*Instancer, error){
		"WithServers":  func() (*Instancer, error) { return NewSRV("x", WithServers("localhost:53")) },
		"WithTimeout":  func() (*Instancer, error) { return NewSRV("x", WithTimeout(-1)) },
		"WithInterval": func() (*Instancer, error) { return NewSRV("x", WithInterval(2, 1)) },
		"port 0":       func() (*Instancer, error) { return NewAddresses("x", 0) },
		"no name":      func() (*Instancer, error) { return NewSRV("a..b") },
		`"" is no`:     func() (*Instancer, error) { return NewSRV("") },
	} {
		if _, err := make(); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
