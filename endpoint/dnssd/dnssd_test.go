package dnssd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/muxkit/muxkit/internal/discoverytest"
)

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
			`{"address":"a.x.:80","weight":200} {"address":"b.x.:80","weight":100} {"address":"c.x.:80","weight":1}`, 0},
		{"priorities", []string{srv(20, 65535, 80, "c.x."), srv(10, 2, 80, "b.x."), srv(10, 65535, 80, "a.x.")},
			`{"address":"a.x.:80","weight":4294967295} {"address":"b.x.:80","weight":131074} {"address":"c.x.:80","weight":1}`, 0},
		{"twice, the better one counts", []string{srv(1, 7, 80, "a.x."), srv(0, 3, 80, "a.x.")}, `{"address":"a.x.:80","weight":196611}`, 0},
		{"bad ones among them", []string{srv(0, 1, 0, "a.x."), srv(0, 1, 80, "."), srv(0, 1, 80, `a\032b.x.`), srv(0, 1, 80, "b.x.")}, `{"address":"b.x.:80","weight":1}`, 3},
		{"another name of it", []string{"_stock._tcp.example.org. 0 IN CNAME other.x.", "other.x. 0 IN SRV 0 1 80 a.x.", "stranger.x. 0 IN SRV 0 1 80 b.x."}, `{"address":"a.x.:80","weight":1}`, 0},
		{"more than UDP holds", many, strings.TrimSpace(list), 0},
		{"no good one", []string{srv(0, 1, 0, "a.x.")}, "!none of 1 entries is an instance", 1},
		{"not here", []string{srv(0, 0, 0, ".")}, "!decidedly not available", 0},
		{"not here, said by several", []string{srv(0, 0, 0, "."), srv(1, 0, 0, ".")}, "!none of 2 entries is an instance", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var said discoverytest.Logger
			s := serve(t, c.records...)
			i, err := NewSRV("_stock._tcp.example.org", append(quick(s), WithLogger(&said))...)
			w := watch(t, i, err)
			if text, fails := strings.CutPrefix(c.want, "!"); fails {
				w.Fails(t, "", text)
			} else {
				w.Sees(t, c.want)
			}
			before := s.count("udpSRV")
			discoverytest.Eventually(t, "more looks", func() bool { return s.count("udpSRV") >= before+2 })
			if lines := said.Lines("left out"); len(lines) != c.left {
				t.Errorf("%d records were named, want %d: %q", len(lines), c.left, lines)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	s := serve(t, "n.x. 0 IN A 10.0.0.2", "n.x. 0 IN A 10.0.0.1", "n.x. 0 IN A 10.0.0.1", "n.x. 0 IN AAAA fd00::1", "n.x. 0 IN AAAA ::ffff:10.0.0.1", "n.x. 0 IN A 0.0.0.0")
	i, err := NewAddresses("n.x", 80, quick(s)...)
	w := watch(t, i, err)
	w.Sees(t, "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80")
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
	discoverytest.Eventually(t, "what was known of IPv6 stays", func() bool {
		list, err := w.Now()
		return list == "10.0.0.1:80 10.0.0.3:80 [fd00::1]:80" && err != nil && strings.Contains(err.Error(), "SERVFAIL")
	})
	bad6(func(r *dns.Msg) { r.Answer = nil })
	w.Sees(t, "10.0.0.3:80")

	s = serve(t, "n.x. 0 IN A 10.0.0.1") // a server that never knew of IPv6
	bad6(func(r *dns.Msg) { r.Rcode, r.Answer = dns.RcodeRefused, nil })
	i, err = NewAddresses("n.x", 80, quick(s)...)
	w = watch(t, i, err)
	w.Sees(t, "10.0.0.1:80")
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
			s := serve(t, srv(0, 1, 80, "a.x."))
			i, err := NewSRV("_stock._tcp.example.org", append(quick(s), WithTimeout(200*time.Millisecond))...)
			w := watch(t, i, err)
			list := `{"address":"a.x.:80","weight":1}`
			w.Sees(t, list)
			s.spoils(c.spoil)
			w.Fails(t, list, c.want)
			s.spoils(nil)
			w.Sees(t, list)
		})
	}
}

// That there are none is an error at first, and a list when it was said twice.
func TestWhenThereAreNone(t *testing.T) {
	for _, rcode := range []int{dns.RcodeNameError, dns.RcodeSuccess} {
		s := serve(t)
		s.says(rcode)
		i, err := NewSRV("_stock._tcp.example.org", quick(s)...)
		w := watch(t, i, err)
		w.Fails(t, "", "no such records")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := i.Await(ctx); !errors.Is(err, errNone) {
			t.Error(err)
		}
		cancel()
		s.says(0, srv(0, 1, 80, "a.x."))
		w.Sees(t, `{"address":"a.x.:80","weight":1}`)
		w.History()
		s.spoils(func(r *dns.Msg, _ string) *dns.Msg { // once
			s.spoil = nil
			r.Rcode, r.Answer = rcode, nil
			return r
		})
		before := s.count("udpSRV")
		discoverytest.Eventually(t, "it looks four times", func() bool { return s.count("udpSRV") >= before+4 })
		if slices.Contains(w.History(), "") {
			t.Fatal("said once, and believed")
		}
		w.Sees(t, `{"address":"a.x.:80","weight":1}`)
		s.says(rcode)
		w.Sees(t, "")
		s.says(0, srv(0, 1, 80, "b.x."))
		w.Sees(t, `{"address":"b.x.:80","weight":1}`)
	}
}

// The next server is asked when one does not answer, and is the first from then on.
func TestServersInTurn(t *testing.T) {
	dead, s := serve(t), serve(t, srv(0, 1, 80, "a.x."))
	dead.spoils(func(*dns.Msg, string) *dns.Msg { return nil })
	i, err := NewSRV("_stock._tcp.example.org", append(quick(s, dead.address), WithTimeout(2*time.Second))...)
	w := watch(t, i, err)
	w.Sees(t, `{"address":"a.x.:80","weight":1}`)
	before := s.count("udpSRV")
	discoverytest.Eventually(t, "it looks three times", func() bool { return s.count("udpSRV") >= before+3 })
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
	w.Sees(t, `{"address":"b.x.:80","weight":1}`)
}

// An answer holds for its time to live; who asks for more looks is heard, but not too often.
func TestLooksByTimeToLiveAndOnRequest(t *testing.T) {
	s := serve(t, strings.Replace(srv(0, 1, 80, "a.x."), " 0 IN", " 3600 IN", 1))
	i, err := NewSRV("_stock._tcp.example.org", WithServers(s.address), WithInterval(50*time.Millisecond, 0))
	w := watch(t, i, err)
	w.Sees(t, `{"address":"a.x.:80","weight":1}`)
	if n := s.count("udpSRV"); n != 1 {
		t.Errorf("%d looks within the time to live", n)
	}
	s.says(0, srv(0, 1, 80, "b.x."))
	began := time.Now()
	i.Refresh()
	w.Sees(t, `{"address":"b.x.:80","weight":1}`)
	for range 100 {
		i.Refresh()
		time.Sleep(time.Millisecond) // the pace of the requests
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
