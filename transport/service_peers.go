package transport

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// peerOf is the peer behind an address: its host, of an IPv6 address the network of 64
// bits, within which one host may have any address. Who has none of these, such as a
// client on a Unix socket, is no peer.
func peerOf(addr net.Addr) (peer netip.Prefix, ok bool) {
	var ip netip.Addr
	switch a := addr.(type) {
	case *net.TCPAddr:
		ip = a.AddrPort().Addr()
	case *net.UDPAddr:
		ip = a.AddrPort().Addr()
	}
	bits := 64
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 32
	}
	peer, err := ip.Prefix(bits)
	return peer, err == nil && peer.IsValid()
}

// peers are the connections of a Service by their peers, where ServiceMaxPerPeer bounds
// what each may have.
type peers struct {
	mu   sync.Mutex // a leaf; guards the map and the fields of its values that are not atomic
	byIP map[netip.Prefix]*peer
}

// peer is what one has.
type peer struct {
	name   netip.Prefix
	conns  int          // open
	owners int          // connections that are open or have calls that are not done
	calls  atomic.Int64 // in flight
	bytes  atomic.Int64
}

// join counts a connection in for the peer at addr, unless that has too many. Who is no
// peer has no bounds, and nil.
func (p *peers) join(addr net.Addr, most int) (*peer, error) {
	name, ok := peerOf(addr)
	if !ok {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.byIP[name]
	if one == nil {
		one = &peer{name: name}
	}
	if most > 0 && one.conns >= most {
		return nil, fmt.Errorf("%w: connection refused, %d are open from %v", errOverloaded, one.conns, name)
	}
	if p.byIP == nil {
		p.byIP = make(map[netip.Prefix]*peer)
	}
	p.byIP[name] = one
	one.conns++
	one.owners++
	return one, nil
}

// closed counts a connection out that is not open any more.
func (p *peers) closed(one *peer) {
	if one == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one.conns--
}

// leave counts a connection out whose calls are done.
func (p *peers) leave(one *peer) {
	if one == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if one.owners--; one.owners == 0 {
		delete(p.byIP, one.name)
	}
}

// perPeer reports whether there are limits on peers.
func (l *ServiceLimits) perPeer() bool {
	return l.MaxConnsPerPeer > 0 || l.MaxInFlightPerPeer > 0 || l.MaxBytesPerPeer > 0
}

// ServiceMaxPerPeer sets how many connections one peer may have, how many calls in
// flight, and how many bytes in use, of those that ServiceMaxConns, ServiceMaxInFlight and
// ServiceMaxBytes allow to all. What is beyond is refused as it is there. A peer is an IPv4
// address, or the 64 bits of an IPv6 address that name a network; clients without one,
// and datagrams, are not bounded by this. Behind a proxy, or one router, many clients
// are one peer: that is why there is no default. 0: no bound.
func ServiceMaxPerPeer(conns, inFlight, bytes int) ServiceOption {
	return func(o *serviceOptions) {
		setOption(o, "ServiceMaxPerPeer: conns", &o.limits.MaxConnsPerPeer, conns)
		setOption(o, "ServiceMaxPerPeer: inFlight", &o.limits.MaxInFlightPerPeer, inFlight)
		setOption(o, "ServiceMaxPerPeer: bytes", &o.limits.MaxBytesPerPeer, bytes)
	}
}
