package muxpool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"
)

// PoolOption sets one property of a pool. New checks its value: zero means the
// documented default, a negative or senseless value is an error that wraps
// ErrInvalidOption and names the option.
type PoolOption func(*poolOptions)

// DialFunc connects to address, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

type poolOptions struct {
	connectNumber  int
	maxConns       int
	queueSize      int
	dropFull       bool
	dialTimeout    time.Duration
	maxVirConns    int
	maxIdle        int
	dial           DialFunc
	reconnectMax   int
	reconnectFirst time.Duration
	reconnectLimit time.Duration
	idleTimeout    time.Duration
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
		_, err := w.opts.key(w.node)
		if err == nil {
			err = w.opts.checkDial(w.node.Network)
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

// WithConnectNumber sets the number of connections per node. Default 2: one
// falls into lock-step with a peer on one core, four bring nothing more. At most
// 65536.
func WithConnectNumber(number int) PoolOption {
	return func(o *poolOptions) { set(o, "WithConnectNumber", &o.connectNumber, number) }
}

// WithMaxConnsPerHost bounds how far a node may grow beyond WithConnectNumber
// where WithMaxIdleConnsPerHost lets it. Default 8 times WithConnectNumber.
func WithMaxConnsPerHost(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxConnsPerHost", &o.maxConns, n) }
}

// WithQueueSize sets how many frames may wait to be written on a connection.
// Default 1024. Their bytes are bounded as well: 4 MiB, or one frame. As much again
// may be on its way to the kernel.
func WithQueueSize(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithQueueSize", &o.queueSize, n) }
}

// WithDropFull makes Write fail with ErrSendQueueFull while the send queue is
// full, instead of waiting for space. Default false.
func WithDropFull(drop bool) PoolOption {
	return func(o *poolOptions) { o.dropFull = drop }
}

// WithDialTimeout bounds one attempt to connect, with TLS and the protocol's
// handshake. Default 1 s.
func WithDialTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithDialTimeout", &o.dialTimeout, d) }
}

// WithMaxVirConnsPerConn sets how many MuxConns a connection may carry at once.
// When every connection is full, Get waits, first come first served, until its
// context ends, or opens further connections if WithMaxIdleConnsPerHost says so.
// Default 0: no limit but the protocol's id space, and what the peer says that it takes
// (see Settings).
func WithMaxVirConnsPerConn(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxVirConnsPerConn", &o.maxVirConns, n) }
}

// WithMaxIdleConnsPerHost lets a node whose connections are all full (by
// WithMaxVirConnsPerConn, or by what the peer takes) open more of them, up
// to WithMaxConnsPerHost, and closes unused ones beyond n. Those beyond
// WithConnectNumber are not redialed: the node grows again when it must. n below
// WithConnectNumber counts as that. Default 0: a node does not grow.
func WithMaxIdleConnsPerHost(n int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxIdleConnsPerHost", &o.maxIdle, n) }
}

// WithDialContext sets the function that connects. Default: a net.Dialer, which
// resolves the address anew at each dial. TLS, where GetOptions asks for it, is
// done by the pool on top. ctx carries the dial timeout and ends with the pool;
// it is not the context of any caller.
func WithDialContext(dial func(ctx context.Context, network, address string) (net.Conn, error)) PoolOption {
	return func(o *poolOptions) {
		if dial == nil {
			o.reject("WithDialContext(nil)")
		}
		o.dial = dial
	}
}

// WithReconnect sets how a connection that was lost with calls in flight is
// redialed: at most max attempts in a row, before each a wait drawn evenly from
// zero to a bound (full jitter), which doubles from initial up to limit.
// Defaults 10, 5 ms, 50 ms. The same holds for the last connection of a node that ended
// without hurting anybody, from the first refusal on, when a Get wants it again.
//
// An attempt counts as failed until the peer answers on the new connection. Where it
// never does, since calls are one-way, frames that the kernel has taken are enough, if
// the connection lives for one and a half of WithKeepAlive after that, and for
// WithStallTimeout. A peer that closes each connection soon and unanswered, or asks to
// leave it, uses the attempts up as well.
func WithReconnect(max int, initial, limit time.Duration) PoolOption {
	return func(o *poolOptions) {
		set(o, "WithReconnect: max", &o.reconnectMax, max)
		set(o, "WithReconnect: initial", &o.reconnectFirst, initial)
		set(o, "WithReconnect: limit", &o.reconnectLimit, limit)
	}
}

// WithIdleTimeout sets how long a connection without calls is kept. A node
// without connections is forgotten. Default 10 min.
func WithIdleTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithIdleTimeout", &o.idleTimeout, d) }
}

// WithKeepAlive sets after which silence the peer of a connection with calls in
// flight is asked for a sign of life; without one within another half of d the
// connection ends with ErrKeepAliveTimeout. Asked are the protocol (see
// KeepAliver) and, on TCP, the kernel (TCP keepalive, several probes of which the last
// must be answered within the same time, and, on Linux, TCP_USER_TIMEOUT). A sign of life is a whole frame, or 4 KiB of one. Default 2 s.
func WithKeepAlive(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithKeepAlive", &o.keepAlive, d) }
}

// WithStallTimeout sets how long a connection may stay silent while calls on it
// time out, or in the middle of a frame, before it ends with ErrStalled: the cure
// for a peer that is stopped or a path that swallows packets, where the protocol
// has no keepalive. Calls whose request the kernel has not taken yet do not count.
// Default 1.5 times WithKeepAlive.
func WithStallTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithStallTimeout", &o.stallTimeout, d) }
}

// WithWriteTimeout bounds a write to the kernel that gets nowhere: a peer that does
// not read for so long, and twice that at most, loses the connection. Default 3 s.
func WithWriteTimeout(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithWriteTimeout", &o.writeTimeout, d) }
}

// WithMaxFrameSize sets the largest frame, in bytes, that may be read or
// written. Peers are told where the protocol can (see Settler); what they say that they
// take holds for writing as well. Default 4 MiB.
func WithMaxFrameSize(bytes int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxFrameSize", &o.maxFrameSize, bytes) }
}

// WithRecvLimit sets how many bytes of frames may wait unread on one MuxConn,
// one frame at the least. Short frames count as 64 bytes each. Default 4 MiB.
func WithRecvLimit(bytes int) PoolOption {
	return func(o *poolOptions) { set(o, "WithRecvLimit", &o.recvLimit, bytes) }
}

// WithRecvWait sets for how long, in all, a connection waits for the reader of one
// MuxConn that has reached WithRecvLimit: nothing is read from the connection meanwhile.
// Then that MuxConn alone ends with ErrRecvQueueFull. A 32nd of WithRecvLimit that is
// taken gives the time back. On datagrams there is no wait. At most a quarter of
// WithKeepAlive and of WithStallTimeout. Default 100 ms.
func WithRecvWait(d time.Duration) PoolOption {
	return func(o *poolOptions) { set(o, "WithRecvWait", &o.recvWait, d) }
}

// WithMaxAnswerSize sets how many bytes the frames of one answer may have together, for
// who gathers them, as transport.Client does; a MuxConn that is read as a stream has no
// such bound. Default 64 MiB, or WithMaxFrameSize if that is more.
func WithMaxAnswerSize(bytes int) PoolOption {
	return func(o *poolOptions) { set(o, "WithMaxAnswerSize", &o.maxAnswerSize, bytes) }
}

// WithPreWarm connects to a node before the first call needs it. New starts it
// and does not wait; PreWarm does.
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
