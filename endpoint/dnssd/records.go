package dnssd

import (
	"cmp"
	"errors"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/miekg/dns"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// errNotHere is what a service says of itself with the target "." (RFC 2782).
var errNotHere = errors.New("the service is decidedly not available at this domain")

var errNoAddress = errors.New("it is no node's address")

// backupScale is by what the weights of the lowest priority are multiplied beside records of others, whose
// weight is 1: the largest that is possible.
const backupScale = math.MaxUint32 / math.MaxUint16

// services makes instances of SRV records, in the order of priority, then address.
func services(records []dns.RR, complaints *discovery.Complaints) (list []muxendpoint.Instance, err error) {
	var all []*dns.SRV
	none := &discovery.NoneError{Entries: len(records)}
	for _, rr := range records {
		srv := rr.(*dns.SRV) // read has seen to it
		var bad error
		switch {
		case srv.Target == "." && len(records) == 1:
			return nil, errNotHere
		case srv.Target == ".":
			bad = errNotHere
		case srv.Port == 0:
			bad = errors.New("port 0 is none")
		default:
			if _, err := muxendpoint.ParseInstance(address(srv)); err != nil {
				bad = err
			}
		}
		if bad != nil {
			complaints.LeftOut(srv.String(), bad)
			none.First = bad
			continue
		}
		all = append(all, srv)
	}
	if len(all) == 0 {
		return nil, none
	}
	slices.SortFunc(all, func(a, b *dns.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(address(a), address(b)), -cmp.Compare(a.Weight, b.Weight))
	})
	first, last := all[0].Priority, all[len(all)-1].Priority
	for _, srv := range all {
		in := muxendpoint.Instance{Address: address(srv), Weight: max(uint32(srv.Weight), 1), Labels: map[string]string{"priority": strconv.Itoa(int(srv.Priority))}}
		switch {
		case srv.Priority > first:
			in.Weight = 1
		case last > first:
			in.Weight *= backupScale
		}
		if !slices.ContainsFunc(list, func(other muxendpoint.Instance) bool { return other.Address == in.Address }) {
			list = append(list, in)
		}
	}
	return list, nil
}

// address is a record's, whose name keeps its dot: it is whole, nobody is to look it up below a search domain.
func address(srv *dns.SRV) string { return net.JoinHostPort(srv.Target, strconv.Itoa(int(srv.Port))) }

// hosts makes instances of A and AAAA records.
func hosts(records []dns.RR, port uint16, complaints *discovery.Complaints) (list []muxendpoint.Instance) {
	for _, rr := range records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		at, ok := netip.AddrFromSlice(ip)
		if at = at.Unmap(); !ok || at.IsUnspecified() || at.IsMulticast() {
			complaints.LeftOut(rr.String(), errNoAddress)
			continue
		}
		in := muxendpoint.Instance{Address: netip.AddrPortFrom(at, port).String()}
		if !slices.ContainsFunc(list, func(other muxendpoint.Instance) bool { return other.Address == in.Address }) {
			list = append(list, in)
		}
	}
	slices.SortFunc(list, func(a, b muxendpoint.Instance) int { return cmp.Compare(a.Address, b.Address) })
	return list
}
