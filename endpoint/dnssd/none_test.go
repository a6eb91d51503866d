package dnssd

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/muxkit/muxkit/internal/discovery"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// record is one of a text.
func record(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

func soa(t *testing.T, ttl, minimum int) dns.RR {
	return record(t, fmt.Sprintf("example.org. %d IN SOA ns.example.org. admin.example.org. 1 3600 600 86400 %d", ttl, minimum))
}

// That there is nothing is believed when it is said again, and the first word is over.
func TestOneWordIsNotBelieved(t *testing.T) {
	none := fmt.Errorf("%w: so", errNone)
	for name, c := range map[string]struct {
		ttl, most, want time.Duration
		err             error
	}{
		"no time":             {0, time.Hour, 0, none},
		"a time":              {time.Minute, time.Hour, time.Minute, none},
		"a time without end":  {24 * time.Hour, 5 * time.Minute, 5 * time.Minute, none},
		"not at this domain":  {time.Minute, time.Hour, time.Minute, errNotHere},
		"an answer":           {0, time.Hour, -1, nil},
		"a failure":           {0, time.Hour, -1, errors.New("SERVFAIL")},
		"nonsense, with that": {0, time.Hour, -1, &discovery.NoneError{Entries: 2, First: errNotHere}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := &Instancer{cfg: config{most: c.most}, doubts: make(map[uint16]time.Time)}
				says := func() bool { return i.isNone(dns.TypeSRV, answer{ttl: c.ttl}, c.err) }
				if says() {
					t.Fatal("said once, and believed")
				}
				if c.want > 0 {
					time.Sleep(c.want - 1)
					if says() {
						t.Error("a memory is believed")
					}
					time.Sleep(time.Nanosecond)
				}
				if i.isNone(dns.TypeA, answer{}, none) {
					t.Error("one kind stands for another")
				}
				if got := says(); got != (c.want >= 0) {
					t.Errorf("said again: %v", got)
				}
				i.isNone(dns.TypeSRV, answer{}, nil) // there is one meanwhile
				if says() {
					t.Error("the first word is still remembered")
				}
			})
		})
	}
}

// For how long a memory repeats it, says the zone's SOA record, by the least of two numbers; and who refers to others has said
// nothing.
func TestWhatIsSaidOfNothing(t *testing.T) {
	const name = "_stock._tcp.example.org."
	ns, alias := "example.org. 60 IN NS ns.example.org.", name+" 60 IN CNAME other.example.org."
	for what, c := range map[string]struct {
		authoritative bool
		answer        []dns.RR
		authority     []dns.RR
		ttl           time.Duration
		err           string
	}{
		"nothing at all":                  {false, nil, nil, 0, errNone.Error()},
		"a SOA record":                    {false, nil, []dns.RR{soa(t, 300, 60)}, time.Minute, errNone.Error()},
		"a SOA record of a memory":        {false, nil, []dns.RR{soa(t, 7, 60)}, 7 * time.Second, errNone.Error()},
		"a SOA record, and whose it is":   {false, nil, []dns.RR{record(t, ns), soa(t, 300, 60)}, time.Minute, errNone.Error()},
		"a referral":                      {false, nil, []dns.RR{record(t, ns)}, 0, "it refers to other servers: it is no resolver"},
		"the zone's own server":           {true, nil, []dns.RR{record(t, ns)}, 0, errNone.Error()},
		"an alias of nothing":             {false, []dns.RR{record(t, alias)}, []dns.RR{record(t, ns)}, 0, errNone.Error()},
		"records of others":               {true, []dns.RR{record(t, srv(0, 1, 80, "a.x.")), record(t, strings.Replace(srv(0, 1, 80, "a.x."), "_stock", "_other", 1))}, nil, 0, ""},
		"records of others, and no other": {true, []dns.RR{record(t, strings.Replace(srv(0, 1, 80, "a.x."), "_stock", "_other", 1))}, []dns.RR{soa(t, 300, 60)}, time.Minute, errNone.Error()},
	} {
		for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeNameError} {
			q, r := new(dns.Msg), new(dns.Msg)
			q.SetQuestion(name, dns.TypeSRV)
			r.SetRcode(q, rcode)
			r.Authoritative, r.Answer, r.Ns = c.authoritative, c.answer, c.authority
			want := c.err
			if rcode == dns.RcodeNameError {
				want = errNone.Error() + ": it does not exist (NXDOMAIN)"
			}
			a, err := read(r, q.Question[0])
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != want || a.ttl != c.ttl {
				t.Errorf("%s, %s: %q for %v, want %q for %v", what, dns.RcodeToString[rcode], got, a.ttl, want, c.ttl)
			}
		}
	}
}

// A resolver that has kept the one word of a moment repeats it, at each look: the list stands. What it does not keep is believed when
// it is said twice.
func TestAResolversMemoryIsOneWord(t *testing.T) {
	s := serve(t, srv(0, 1, 80, "a.x."))
	i, err := NewSRV("_stock._tcp.example.org", WithServers(s.address), WithInterval(10*time.Millisecond, 0))
	w := watch(t, i, err)
	list := `{"address":"a.x.:80","weight":1}`
	w.Sees(t, list)
	says := func(ttl int) {
		s.spoils(func(r *dns.Msg, _ string) *dns.Msg {
			r.Rcode, r.Answer, r.Ns = dns.RcodeNameError, nil, []dns.RR{soa(t, ttl, 3600)}
			return r
		})
	}
	says(3600)
	w.Fails(t, list, "NXDOMAIN")
	before := s.count("udpSRV")
	discoverytest.Eventually(t, "more looks", func() bool { return s.count("udpSRV") >= before+5 })
	if got, err := w.Now(); got != list || err == nil {
		t.Errorf("it is %q, %v", got, err)
	}
	s.spoils(nil)
	i.Refresh()
	w.Sees(t, list)
	says(0)
	w.Sees(t, "")
}

// Of a name with addresses of two kinds one is said to be gone, and the resolver remembers it: all stay.
func TestOneKindIsGoneForAMoment(t *testing.T) {
	s := serve(t, "n.x. 0 IN A 10.0.0.1", "n.x. 0 IN AAAA fd00::1")
	i, err := NewAddresses("n.x", 80, WithServers(s.address), WithInterval(10*time.Millisecond, 0))
	w := watch(t, i, err)
	list := "10.0.0.1:80 [fd00::1]:80"
	w.Sees(t, list)
	w.History()
	s.spoils(func(r *dns.Msg, _ string) *dns.Msg {
		if r.Question[0].Qtype == dns.TypeAAAA {
			r.Answer, r.Ns = nil, []dns.RR{soa(t, 3600, 3600)}
		}
		return r
	})
	w.Fails(t, list, "no such records")
	before := s.count("udpAAAA")
	discoverytest.Eventually(t, "more looks", func() bool { return s.count("udpAAAA") >= before+3 })
	s.spoils(nil)
	i.Refresh()
	w.Sees(t, list)
	for _, h := range w.History() {
		if h != list {
			t.Errorf("it told %q meanwhile", h)
		}
	}
}
