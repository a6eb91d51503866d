package muxpool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"
)

// PoolOption sets a property of a pool. Zero means the default.
type PoolOption func(*poolOptions)

// dialFunc connects to address, as net.Dialer.DialContext does.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

type poolOptions struct {
	connectNumber  int
	maxConns       int
	queueSize      int
	dropFull       bool
	dialTimeout    time.Duration
	maxVirConns    int
	maxIdle        int
	dial           dialFunc
	reconnectMax   int
	reconnectFirst time.Duration
	reconnectLimit time.Duration
	idleTimeout    time.Duration
	maxAge         time.Duration
	keepAlive      time.Duration
	stallTimeout   time.Duration
	writeTimeout   time.Duration
	maxFrameSize   int
	recvLimit      int
	recvWait       time.Duration
	maxAnswerSize  int
	preWarm        []preWarm
	invalid        []error
}

// The defaults, as the options' comments tell them.
const (
	defaultConnectNumber  = 2
	maxConnectNumber      = 1 << 16 // as many local ports as there are to one address
	defaultGrowth         = 8
	defaultDialTimeout    = time.Second
	defaultReconnectMax   = 10
	defaultReconnectFirst = 5 * time.Millisecond
	defaultReconnectLimit = 50 * time.Millisecond
	defaultIdleTimeout    = 10 * time.Minute
	defaultKeepAlive      = 2 * time.Second
	defaultWriteTimeout   = 3 * time.Second
	defaultMaxFrameSize   = 4 << 20
	defaultRecvLimit      = 4 << 20
	defaultRecvWait       = 100 * time.Millisecond
	defaultMaxAnswerSize  = 64 << 20
)

// finish replaces zeros by defaults and reports every invalid option at once.
func (o *poolOptions) finish() error {
	orDefault(&o.connectNumber, defaultConnectNumber)
	orDefault(&o.maxConns, defaultGrowth*o.connectNumber)
	orDefault(&o.dialTimeout, defaultDialTimeout)
	orDefault(&o.reconnectMax, defaultReconnectMax)
	orDefault(&o.reconnectFirst, defaultReconnectFirst)
	orDefault(&o.reconnectLimit, max(defaultReconnectLimit, o.reconnectFirst))
	orDefault(&o.idleTimeout, defaultIdleTimeout)
	orDefault(&o.keepAlive, defaultKeepAlive)
	orDefault(&o.stallTimeout, oneAndHalf(o.keepAlive))
	orDefault(&o.writeTimeout, defaultWriteTimeout)
	orDefault(&o.maxFrameSize, defaultMaxFrameSize)
	orDefault(&o.recvLimit, defaultRecvLimit)
	orDefault(&o.recvWait, defaultRecvWait)
	o.recvWait = max(min(o.recvWait, o.keepAlive/4, o.stallTimeout/4), 1)
	orDefault(&o.maxAnswerSize, max(defaultMaxAnswerSize, o.maxFrameSize))
	if o.maxIdle > 0 {
		o.maxIdle = max(o.maxIdle, o.connectNumber)
	}
	if o.connectNumber > maxConnectNumber {
		o.reject("WithConnectNumber(%d) is more than %d", o.connectNumber, maxConnectNumber)
	} else if o.maxConns < o.connectNumber {
		o.reject("WithMaxConnsPerHost(%d) is less than WithConnectNumber(%d)", o.maxConns, o.connectNumber)
	}
	if o.reconnectLimit < o.reconnectFirst {
		o.reject("WithReconnect: limit %v is less than initial %v", o.reconnectLimit, o.reconnectFirst)
	}
	for _, w := range o.preWarm {
		key, err := w.opts.key(w.node)
		if err == nil {
			err = key.checkDial(w.node.Network)
		}
		if err != nil {
			o.reject("WithPreWarm(%q, %q): %w", w.node.Network, w.node.Address, err)
		}
	}
	return errors.Join(o.invalid...)
}

// oneAndHalf returns 1.5 d, or the longest Duration if that is more.
func oneAndHalf(d time.Duration) time.Duration {
	return d + min(d/2, math.MaxInt64-d)
}

func orDefault[T int | time.Duration](p *T, v T) {
	if *p == 0 {
		*p = v
	}
}

// reject notes an invalid option; format may wrap a cause with %w.
func (o *poolOptions) reject(format string, args ...any) {
	o.invalid = append(o.invalid, fmt.Errorf("%w: "+format, append([]any{ErrInvalidOption}, args...)...))
}

type preWarm struct {
	node Node
	opts GetOptions
}

// WithConnectNumber sets the number of connections of a node, 65536 at most. Default 2.
func WithConnectNumber(number int) PoolOption {
	return func(o *poolOptions) { set(o, "WithConnectNumber", &o.connectNumber, number) }
}

// WithMaxConnsPerHost bounds the growth of a node (see WithMaxIdleConnsPerHost).
// Default 8 times WithConnectNumber.
func WithMaxConnsPerHost(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxConnsPerHost", &o.maxConns, n) }
}

// WithQueueSize sets how many frames may wait to be written on a connection. Their bytes
// are bounded too: 4 MiB, or one frame. Default 1024.
func WithQueueSize(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithQueueSize", &o.queueSize, n) }
}

// WithDropFull makes Write fail with ErrSendQueueFull instead of waiting. Default false.
func WithDropFull(drop bool) PoolOption {
	return func(o *poolOptions) { o.dropFull = drop }
}

// WithDialTimeout bounds one attempt to connect, to all addresses of a name, with TLS and
// handshake; twice that bounds what does not heed its context. Default 1 s.
func WithDialTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithDialTimeout", &o.dialTimeout, d) }
}

// WithMaxVirConnsPerConn sets how many MuxConns a connection may carry. Of more, Gets wait
// in order, or the node grows (see WithMaxIdleConnsPerHost). Default 0: as many as there
// are ids, and the peer takes (see Settings).
func WithMaxVirConnsPerConn(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxVirConnsPerConn", &o.maxVirConns, n) }
}

// WithMaxIdleConnsPerHost lets a node whose connections are full open more, up to
// WithMaxConnsPerHost, and closes unused ones beyond n, at least WithConnectNumber; those
// beyond that are not redialed. Default 0: a node does not grow.
func WithMaxIdleConnsPerHost(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxIdleConnsPerHost", &o.maxIdle, n) }
}

// WithDialContext sets the function that connects. TLS is done on top. ctx has the dial
// timeout, and ends with the pool. Default: a net.Dialer.
func WithDialContext(dial func(ctx context.Context, network, address string) (net.Conn, error)) PoolOption {
	return func(o *poolOptions) {
		if dial == nil {
			o.reject("WithDialContext(nil)")
		}
		o.dial = dial
	}
}

// WithReconnect sets how a connection that was lost with calls in flight is redialed: max
// attempts in a row, each after a wait of full jitter below a bound that doubles from
// initial to limit. Only an answer, or one-way calls taken for a while, make one succeed.
// Defaults 10, 5 ms, 50 ms.
func WithReconnect(max int, initial, limit time.Duration) PoolOption {
	return func(o *poolOptions) {
		set(o, "WithReconnect: max", &o.reconnectMax, max)
		set(o, "WithReconnect: initial", &o.reconnectFirst, initial)
		set(o, "WithReconnect: limit", &o.reconnectLimit, limit)
	}
}

// WithIdleTimeout sets how long a connection without calls, and a node without
// connections, is kept. Default 10 min.
func WithIdleTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithIdleTimeout", &o.idleTimeout, d) }
}

// WithMaxConnAge replaces connections that are so old, give or take a tenth: names and
// certificates are read anew. Calls finish on the old one. Default 0: any age.
func WithMaxConnAge(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxConnAge", &o.maxAge, d) }
}

// WithKeepAlive sets after which silence the peer of a connection with calls in
// flight is asked for a sign of life, a whole frame or 4 KiB; without one within another
// half of d (behind lost packets: 2d) the connection ends with ErrKeepAliveTimeout.
// Asked are the protocol (KeepAliver) and, on TCP, the kernel. Default 2 s.
func WithKeepAlive(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithKeepAlive", &o.keepAlive, d) }
}

// WithStallTimeout sets how long a connection may be silent while calls on it time out, or
// in the middle of a frame, before it ends with ErrStalled; fourfold behind lost packets.
// Default 1.5 times WithKeepAlive.
func WithStallTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithStallTimeout", &o.stallTimeout, d) }
}

// WithWriteTimeout ends a connection whose peer takes nothing of what is written, after
// twice that at most. Default 3 s.
func WithWriteTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithWriteTimeout", &o.writeTimeout, d) }
}

// WithMaxFrameSize sets the largest frame, in bytes, read or written. Default 4 MiB.
func WithMaxFrameSize(bytes int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxFrameSize", &o.maxFrameSize, bytes) }
}

// WithRecvLimit sets how many bytes may wait unread on one MuxConn, at least one frame;
// short frames count as 64. Default 4 MiB.
func WithRecvLimit(bytes int) PoolOption {
	return func(o *poolOptions) { set(o, "WithRecvLimit", &o.recvLimit, bytes) }
}

// WithRecvWait sets for how long, in all, a connection waits for the reader of a full
// MuxConn, before that alone ends with ErrRecvQueueFull. That comes back in 32 times as long
// or, if nobody else is there, with a 32nd of WithRecvLimit that is read. At most a quarter
// of WithKeepAlive and WithStallTimeout. Default 100 ms.
func WithRecvWait(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithRecvWait", &o.recvWait, d) }
}

// WithMaxAnswerSize bounds the frames of one answer together, in bytes, for who gathers
// them, as transport.Client does. Default 64 MiB, or WithMaxFrameSize if that is more.
func WithMaxAnswerSize(bytes int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxAnswerSize", &o.maxAnswerSize, bytes) }
}

// WithPreWarm has New begin to connect to a node.
func WithPreWarm(network, address string, opts GetOptions) PoolOption {
	return func(o *poolOptions) {
		o.preWarm = append(o.preWarm, preWarm{Node{network, address}, opts})
	}
}

func set[T int | time.Duration](o *poolOptions, option string, p *T, v T) {
	if v < 0 {
		o.reject("%s(%v) is negative", option, v)
		return
	}
	*p = v
}
