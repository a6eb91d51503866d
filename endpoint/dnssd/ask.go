package dnssd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// udpSize is the largest UDP answer that is asked for: what passes everywhere (DNS flag day 2020).
const udpSize = 1232

// errNone: the name does not exist, or has no records of the kind.
var errNone = errors.New("the name has no such records")

// answer is what the DNS says to one question.
type answer struct {
	records []dns.RR      // none only with errNone
	ttl     time.Duration // for how long that holds
}

// ask asks the servers in turn, the one first that answered last. An error is errNone, if one of them says so; whoever
// fails is passed by.
func (i *Instancer) ask(ctx context.Context, kind uint16) (answer, error) {
	servers := i.cfg.servers
	if len(servers) == 0 {
		c, err := dns.ClientConfigFromFile(resolvConf)
		if err != nil {
			return answer{}, err
		}
		for _, host := range c.Servers {
			servers = append(servers, net.JoinHostPort(host, c.Port))
		}
	}
	var failed []error
	for n := range servers {
		at := (i.server + n) % len(servers)
		a, err := i.askServer(ctx, servers[at], kind)
		if err == nil || errors.Is(err, errNone) {
			i.server = at
			return a, err
		}
		failed = append(failed, fmt.Errorf("%s: %w", servers[at], err))
	}
	if len(failed) == 0 {
		return answer{}, fmt.Errorf("%s names no server", resolvConf)
	}
	return answer{}, errors.Join(failed...)
}

// askServer asks one: by UDP, by TCP if the answer is truncated, and without EDNS if that is not understood.
func (i *Instancer) askServer(ctx context.Context, server string, kind uint16) (answer, error) {
	q := new(dns.Msg)
	q.SetQuestion(i.name, kind)
	q.SetEdns0(udpSize, false)
	r, err := i.exchange(ctx, "udp", server, q)
	if err == nil && (r.Rcode == dns.RcodeFormatError || r.Rcode == dns.RcodeNotImplemented) {
		q.Extra = nil
		r, err = i.exchange(ctx, "udp", server, q)
	}
	if err == nil && r.Truncated {
		r, err = i.exchange(ctx, "tcp", server, q)
	}
	if err != nil {
		return answer{}, err
	}
	return read(r, q.Question[0])
}

func (i *Instancer) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, i.cfg.timeout)
	defer cancel()
	q.Id = dns.Id()
	r, _, err := (&dns.Client{Net: network, Timeout: i.cfg.timeout, UDPSize: udpSize}).ExchangeContext(ctx, q, server)
	if err != nil {
		return nil, fmt.Errorf("by %s: %w", network, err)
	}
	return r, nil
}

// read looks whether a message answers the question, and what. That there are no such records holds for a time, too.
func read(r *dns.Msg, q dns.Question) (a answer, err error) {
	switch {
	case !r.Response || len(r.Question) != 1 || r.Question[0].Qtype != q.Qtype || r.Question[0].Qclass != q.Qclass || !strings.EqualFold(r.Question[0].Name, q.Name):
		return a, errors.New("it answers another question")
	case r.Truncated:
		return a, errors.New("the answer is truncated over TCP")
	case r.Rcode == dns.RcodeNameError:
		return answer{ttl: negativeTTL(r)}, fmt.Errorf("%w: it does not exist (NXDOMAIN)", errNone)
	case r.Rcode != dns.RcodeSuccess:
		return a, fmt.Errorf("it answers %s", dns.RcodeToString[r.Rcode])
	case isReferral(r):
		return a, errors.New("it refers to other servers: it is no resolver")
	}
	names := map[string]bool{strings.ToLower(q.Name): true} // and those that it is another name of
	ttl := uint32(1<<32 - 1)
	for known := 0; known < len(names); { // aliases may come in any order
		known = len(names)
		for _, rr := range r.Answer {
			if c, ok := rr.(*dns.CNAME); ok && names[strings.ToLower(c.Hdr.Name)] {
				names[strings.ToLower(c.Target)] = true
				ttl = min(ttl, c.Hdr.Ttl)
			}
		}
	}
	for _, rr := range r.Answer {
		if h := rr.Header(); h.Rrtype == q.Qtype && h.Class == q.Qclass && names[strings.ToLower(h.Name)] {
			a.records = append(a.records, rr)
			ttl = min(ttl, h.Ttl)
		}
	}
	if len(a.records) == 0 {
		return answer{ttl: negativeTTL(r)}, errNone
	}
	a.ttl = time.Duration(ttl) * time.Second
	return a, nil
}

// negativeTTL is for how long whoever keeps answers repeats that there is nothing (RFC 2308): zero if that is not said.
func negativeTTL(r *dns.Msg) (ttl time.Duration) {
	for _, rr := range r.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			ttl = time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
		}
	}
	return ttl
}

// isReferral reports whether a message says nothing but who may know, which is not that there is nothing.
func isReferral(r *dns.Msg) bool {
	is := func(kind uint16) func(dns.RR) bool {
		return func(rr dns.RR) bool { return rr.Header().Rrtype == kind }
	}
	return len(r.Answer) == 0 && !r.Authoritative && slices.ContainsFunc(r.Ns, is(dns.TypeNS)) && !slices.ContainsFunc(r.Ns, is(dns.TypeSOA))
}
