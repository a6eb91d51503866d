package muxpool

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// lookupFunc finds the addresses of a host; network is "ip", "ip4" or "ip6".
type lookupFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// attemptDelay is how long one address of a name is tried alone, before the next is tried
// beside it (RFC 8305, section 5). net.Dialer gives the first one all of a short time.
const attemptDelay = 250 * time.Millisecond

// dialNet connects as net.Dialer does, but where a name has several addresses it tries
// all of them within the dial timeout, and avoid, an address with its port, last.
func (d *dialer) dialNet(ctx context.Context, network, address, avoid string) (net.Conn, error) {
	nd := net.Dialer{KeepAlive: -1} // tuneTCP sets it
	if d.key.local != "" {
		local, err := resolveLocal(network, d.key.local)
		if err != nil {
			return nil, err
		}
		nd.LocalAddr = local
	}
	if network == "unix" || !isName(address) {
		return nd.DialContext(ctx, network, address)
	}
	host, port, _ := net.SplitHostPort(address)
	addrs, err := d.lookup(ctx, "ip"+network[len("tcp"):], host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if addrs = sameFamily(addrs, nd.LocalAddr); len(addrs) == 0 {
		return nd.DialContext(ctx, network, address) // which says what is wrong
	}
	delay := min(attemptDelay, d.timeout/time.Duration(len(addrs)+1))
	dials := make([]string, len(addrs))
	for i, a := range addrs {
		dials[i] = net.JoinHostPort(a.Unmap().String(), port)
	}
	if i := slices.Index(dials, avoid); i >= 0 {
		dials = append(slices.Delete(dials, i, i+1), avoid)
	}
	return race(ctx, len(dials), delay, func(ctx context.Context, i int) (net.Conn, error) {
		return nd.DialContext(ctx, network, dials[i])
	})
}

// isName reports whether the host of an address with a port is a name.
func isName(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err != nil
}

// sameFamily drops the addresses that cannot be reached from local.
func sameFamily(addrs []netip.Addr, local net.Addr) []netip.Addr {
	var from net.IP
	switch local := local.(type) {
	case *net.TCPAddr:
		from = local.IP
	case *net.UDPAddr:
		from = local.IP
	}
	if from == nil {
		return addrs
	}
	return slices.DeleteFunc(addrs, func(a netip.Addr) bool { return a.Unmap().Is4() != (from.To4() != nil) })
}

// race makes attempts 0 to n-1, each when the one before has failed, or after delay
// beside it. The first connection wins; if there is none, the error is all of theirs.
func race(ctx context.Context, n int, delay time.Duration, dial func(ctx context.Context, i int) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		nc  net.Conn
		err error
	}
	results := make(chan result, n)
	started, ended := 0, 0
	timer := time.NewTimer(delay)
	defer timer.Stop()
	start := func() {
		if started == n {
			return
		}
		i := started
		started++
		timer.Reset(delay)
		go func() {
			nc, err := dial(ctx, i)
			results <- result{nc, err}
		}()
	}
	start()
	var failed error
	for {
		select {
		case <-timer.C:
			start()
		case r := <-results:
			if ended++; r.err == nil {
				go func() { // the others', if they are as quick; they end with ctx
					for range started - ended {
						if late := <-results; late.nc != nil {
							_ = late.nc.Close()
						}
					}
				}()
				return r.nc, nil
			}
			if failed = both(failed, r.err); ended == n {
				return nil, failed
			}
			start()
		}
	}
}
