package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	kittransport "github.com/go-kit/kit/transport"
	"github.com/go-kit/log"
)

// ServiceOption sets one property of a Service. Zero means the documented default;
// a negative or senseless value is an error, told by Err and by Serve, that wraps
// ErrInvalidOption and names the option.
type ServiceOption func(*serviceOptions)

type serviceOptions struct {
	limits           ServiceLimits
	frameTimeout     time.Duration
	frameRate        int // bytes per second
	maxAge           time.Duration
	amplification    int // 0: no limit
	idleTimeout      time.Duration
	handshakeTimeout time.Duration
	writeTimeout     time.Duration
	tls              *tls.Config
	tlsFiles         *tlsFiles // what tls was made of; nil: of no files
	connContext      func(context.Context, net.Conn) context.Context
	observers        []ServiceObserver
	describes        bool           // the protocol's DescribeMethod is answered
	describe         []ServerOption // of the Server that answers it
	errorHandler     kittransport.ErrorHandler
	invalid          []error
}

func defaultServiceOptions() serviceOptions {
	return serviceOptions{
		limits:           defaultLimits,
		frameTimeout:     5 * time.Second,
		frameRate:        16 << 10,
		idleTimeout:      60 * time.Second,
		handshakeTimeout: 5 * time.Second,
		writeTimeout:     3 * time.Second,
		errorHandler:     kittransport.NewLogErrorHandler(log.NewNopLogger()),
	}
}

// ServiceFrameTimeout bounds the time from the first byte of a frame to its last: d, and
// what ServiceFrameRate grants for the bytes that have come. On a connection that has lost
// packets, four times d instead of d (Linux, TCP and TLS on it). Default 5 s.
func ServiceFrameTimeout(d time.Duration) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceFrameTimeout", &o.frameTimeout, d) }
}

// ServiceFrameRate sets how slowly a large frame may come, in bytes per second, when the
// time of ServiceFrameTimeout is over: a frame of which n bytes have come has n divided by
// that, in seconds, beside that time. Up to the size of ServiceMaxFrameSize, so that with
// the defaults a frame ends after 261 s at the latest. Default 16 KiB.
func ServiceFrameRate(bytesPerSecond int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceFrameRate", &o.frameRate, bytesPerSecond) }
}

// ServiceMaxConnAge sets after what time, with a tenth more or less at random so that
// connections that began together do not end so, the client of a connection is asked to
// open another: it is told that this one goes away, and its calls are answered. It spreads
// clients over servers that have been added, and renews what a TLS handshake has agreed on.
// For protocols that can tell (GoingAwayer); with another it is an error. Default: no limit.
func ServiceMaxConnAge(d time.Duration) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceMaxConnAge", &o.maxAge, d) }
}

// ServiceMaxAmplification bounds the answers of ServePacket: one is at most factor times
// as large as the datagram of its request, so that a forged source address gains an
// attacker no more than that. An answer that is larger is replaced by one with CodeTooLarge,
// and if that is too large as well, nothing is sent: the client's call ends by its time. For
// comparison, QUIC allows 3 before a source has shown that it can hear (RFC 9000, section 8.1).
// Default: no limit but a datagram's 65,507 bytes.
func ServiceMaxAmplification(factor int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceMaxAmplification", &o.amplification, factor) }
}

// ServiceIdleTimeout sets how long a connection without calls is kept; then the
// client is told, where the protocol can, and the connection closed. Default 60 s.
func ServiceIdleTimeout(d time.Duration) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceIdleTimeout", &o.idleTimeout, d) }
}

// ServiceHandshakeTimeout bounds the TLS handshake and that of the protocol.
// Default 5 s.
func ServiceHandshakeTimeout(d time.Duration) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceHandshakeTimeout", &o.handshakeTimeout, d) }
}

// ServiceWriteTimeout bounds a write that gets nowhere: a client that does not read for so
// long is disconnected. On Linux, for TCP and TLS on it, 4 KiB that its kernel has
// acknowledged are somewhere; elsewhere what this side's kernel has taken. Default 3 s.
func ServiceWriteTimeout(d time.Duration) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceWriteTimeout", &o.writeTimeout, d) }
}

// ServiceConnContext sets a function that may add to the context of the calls of a
// new connection; it runs after the handshake.
func ServiceConnContext(f func(ctx context.Context, nc net.Conn) context.Context) ServiceOption {
	return func(o *serviceOptions) { o.connContext = f }
}

// ServiceErrorHandler sets who hears of what goes wrong outside of the Servers:
// connections refused or cut, unknown methods, frames that cannot be parsed, bodies that
// cannot be unpacked. It hears at most ten of them a second and how many were left out; texts of peers
// are quoted and cut. By default nobody does.
func ServiceErrorHandler(h kittransport.ErrorHandler) ServiceOption {
	return func(o *serviceOptions) {
		if h == nil {
			o.invalid = append(o.invalid, fmt.Errorf("%w: ServiceErrorHandler(nil)", ErrInvalidOption))
			return
		}
		o.errorHandler = h
	}
}

func setOption[T int | time.Duration](o *serviceOptions, option string, p *T, v T) {
	switch {
	case v < 0:
		o.invalid = append(o.invalid, fmt.Errorf("%w: %s(%v) is negative", ErrInvalidOption, option, v))
	case v > 0:
		*p = v
	}
}
