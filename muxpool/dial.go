package muxpool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/internal/text"
)

// dialer connects to one node: the address is resolved, the TLS files are read
// and the handshakes are made anew at each dial. It is immutable.
type dialer struct {
	key     nodeKey
	connect dialFunc // nil: dialNet
	lookup  lookupFunc
	timeout time.Duration
	silence time.Duration // of the peer's, after which the kernel is to ask
}

// errHandshake marks a dial that reached the peer and failed after that.
type errHandshake struct{ err error }

func (e *errHandshake) Error() string { return e.err.Error() }
func (e *errHandshake) Unwrap() error { return e.err }

func dialReason(err error) Reason {
	if h := (*errHandshake)(nil); errors.As(err, &h) {
		return ReasonHandshakeFailed
	}
	return ReasonDialFailed
}

func newDialer(key nodeKey, o *poolOptions) *dialer {
	return &dialer{key: key, connect: o.dial, lookup: net.DefaultResolver.LookupNetIP, timeout: o.dialTimeout, silence: o.keepAlive}
}

// dial returns a connection that is ready for calls, and its session. It ends with ctx,
// or after the dial timeout. Of the addresses of a name, avoid is tried last.
func (d *dialer) dial(ctx context.Context, avoid string) (ready net.Conn, session any, err error) {
	defer func() { // an error of the user's may panic when it is asked for its text, as a nil pointer's does
		if p := recover(); p != nil {
			ready, session, err = nil, nil, fmt.Errorf("%w: the error of a dial, or of a handshake, panicked: %v", ErrInvalidOption, p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	nc, err := d.call(ctx, avoid)
	if err != nil {
		return nil, nil, d.unreached(d.inTime(outOfTime(ctx, err)))
	}
	defer func() {
		if ready == nil { // also when the handshake ends the goroutine
			shut(nc)
		}
	}()
	ready, session, err = d.handshake(ctx, nc)
	if err != nil {
		err = both(ended(ctx), err)
		// What a certificate or the peer's greeting says enters here.
		return nil, nil, &errHandshake{fmt.Errorf("handshake: %w", text.Error(d.inTime(err), maxForeign))}
	}
	return ready, session, nil
}

// ended is why ctx has ended, or is about to since its deadline has passed; nil if it has not.
func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// outOfTime is err with the end of ctx's time, where that is what it has come of: of the two
// clocks that a net.Dialer sets, the kernel's may be first, which knows of no context.
func outOfTime(ctx context.Context, err error) error {
	if late := ended(ctx); errors.Is(err, os.ErrDeadlineExceeded) && errors.Is(late, context.DeadlineExceeded) {
		return text.Instead(fmt.Errorf("%w; %w", err, late), err.Error())
	}
	return err
}

// unreached is the error of a dial that did not reach the peer. Who shows it shows its node,
// whose address net's errors tell once more.
func (d *dialer) unreached(err error) error {
	said := err.Error()
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" && op.Addr != nil && op.Addr.String() == d.key.node.Address {
		said = strings.Replace(said, op.Error(), op.Err.Error(), 1)
	}
	if said = text.Said(said, maxForeign); !strings.HasPrefix(said, "dial") {
		said = "dial: " + said
	}
	return text.Instead(err, said)
}

// call runs the function that connects; its panic fails the dial.
func (d *dialer) call(ctx context.Context, avoid string) (nc net.Conn, err error) {
	if d.connect == nil {
		return d.dialNet(ctx, d.key.node.Network, d.key.node.Address, avoid)
	}
	defer func() {
		if p := recover(); p != nil {
			err = because(ErrInvalidOption, panicked("the function of WithDialContext", p))
		}
	}()
	nc, err = d.connect(ctx, d.key.node.Network, d.key.node.Address)
	if err == nil && noConn(nc) {
		err = fmt.Errorf("%w: WithDialContext returned neither a connection nor an error", ErrInvalidOption)
	}
	return nc, err
}

// inTime marks an error that says that the dial timeout is over: it must not be
// taken for the end of the time of a caller, who may have much left.
func (d *dialer) inTime(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &dialTimeout{d.timeout, err}
}

// dialTimeout is a dial that took too long. It matches all that its cause does, but
// for context.DeadlineExceeded.
type dialTimeout struct {
	limit time.Duration
	err   error
}

func (e *dialTimeout) Error() string      { return fmt.Sprintf("not ready within %v: %v", e.limit, e.err) }
func (e *dialTimeout) Timeout() bool      { return true }
func (e *dialTimeout) As(target any) bool { return errors.As(e.err, target) }
func (e *dialTimeout) Is(target error) bool {
	return target != context.DeadlineExceeded && errors.Is(e.err, target)
}

// handshake makes TLS and the protocol's own handshake on nc. A panic of nc's is its
// failure.
func (d *dialer) handshake(ctx context.Context, nc net.Conn) (_ net.Conn, session any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(ErrInvalidOption, panicked("the connection of WithDialContext", p))
		}
	}()
	tuneTCP(nc, d.silence)
	greet := greeter(d.key.parser)
	if greet == nil && !d.key.wantsTLS() {
		return nc, nil, nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = nc.SetDeadline(deadline)
	}
	// Closing is what ends a handshake whose connection knows no deadlines.
	bare := nc
	stop := context.AfterFunc(ctx, func() { shut(bare) })
	nc, err = d.startTLS(ctx, nc)
	if err == nil && greet != nil {
		session, err = guarded(ctx, greet, nc)
	}
	stop()
	if err == nil {
		err = context.Cause(ctx) // whether or not nc has been shut for it yet
	}
	if err != nil {
		return nil, nil, err
	}
	return nc, session, nc.SetDeadline(time.Time{})
}

// greetFunc is a plug-in's handshake, which returns what it has learned.
type greetFunc func(context.Context, net.Conn) (session any, err error)

// greeter is that of parser, nil if it has none.
func greeter(parser FrameParser) greetFunc {
	switch h := parser.(type) {
	case SessionHandshaker:
		return h.HandshakeSession
	case Handshaker:
		return func(ctx context.Context, nc net.Conn) (any, error) { return nil, h.Handshake(ctx, nc) }
	}
	return nil
}

// guarded runs the plug-in's handshake; its panic is the connection's failure.
func guarded(ctx context.Context, greet greetFunc, nc net.Conn) (session any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = because(ErrProtocol, panicked("Handshake", p))
		}
	}()
	return greet(ctx, nc)
}

// resolveLocal parses an address to connect from: an IP address and a port, both
// optional, or the path of a unix socket. It looks nothing up.
func resolveLocal(network, addr string) (net.Addr, error) {
	if network == "unix" {
		return &net.UnixAddr{Name: addr, Net: network}, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var ip netip.Addr
	if host != "" {
		if ip, err = netip.ParseAddr(host); err != nil {
			return nil, err
		}
	}
	number, err := strconv.ParseUint(cmp.Or(port, "0"), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", port, err)
	}
	if isDatagram(network) {
		return &net.UDPAddr{IP: ip.AsSlice(), Port: int(number), Zone: ip.Zone()}, nil
	}
	return &net.TCPAddr{IP: ip.AsSlice(), Port: int(number), Zone: ip.Zone()}, nil
}

// tuneTCP lets the kernel find out about a dead peer (see probes); data that nobody
// acknowledges is given as long. On other connections it does nothing.
func tuneTCP(nc net.Conn, silence time.Duration) {
	tc, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	// Failing here costs the early warning, nothing else: calls end with their
	// contexts all the same.
	_ = tc.SetKeepAliveConfig(probes(silence))
	setUserTimeout(tc, oneAndHalf(silence))
}

// probes are TCP's keepalive: packets are lost, so there are several, and the first goes
// out so early that the last has had its time for the answer after one and a half of
// silence. The kernel counts in seconds: below 2 s there is no room for more than one.
func probes(silence time.Duration) net.KeepAliveConfig {
	const most = 32767 * time.Second // of tcp(7)
	total := min(oneAndHalf(silence), most)
	interval := max((total / 4).Truncate(time.Second), time.Second)
	count := min(3, max(1, int((total-time.Second)/interval)))
	idle := max((total - time.Duration(count)*interval).Truncate(time.Second), time.Second)
	return net.KeepAliveConfig{Enable: true, Idle: idle, Interval: interval, Count: count}
}
