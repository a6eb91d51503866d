package transport

import (
	"fmt"
	"time"
)

// ServiceLimits are what a Service takes at most. Their defaults are for a container
// with 512 MiB: 128 MiB for calls, as much again until the garbage collector has
// come by, and the rest for connections, and for what handlers have of their own.
type ServiceLimits struct {
	MaxConns           int           // connections; default 10,000
	MaxInFlightPerConn int           // calls in flight on a connection; default 4096
	MaxInFlight        int           // calls in flight in all; default 65,536
	Workers            int           // goroutines that run calls; default 0: as many as are needed
	MaxWaiting         int           // calls that wait for one of Workers; default 4096
	QueueTarget        time.Duration // how long calls may wait to be run, with ServiceAdaptiveLimit; default 0: it is off
	MaxFrameSize       int           // bytes of a frame, its header included; default 4 MiB
	MaxQueuedBytes     int           // bytes of answers that wait for one client to read them; default 4 MiB
	MaxBytesPerConn    int           // bytes in use for a connection; default MaxBytes
	MaxBytes           int           // bytes in use in all; default 128 MiB, or 4 of the largest frames
	MaxMetadataPairs   int           // pairs of metadata in a request; default 256
	MaxMetadataBytes   int           // bytes of metadata in a request, names and values; default 64 KiB
	MaxConnsPerPeer    int           // connections of one peer; default 0: no bound, as for the next two
	MaxInFlightPerPeer int           // calls of one peer in flight
	MaxBytesPerPeer    int           // bytes in use for one peer
}

// defaultLimits are those of ServiceLimits; the limits in bytes that are 0 follow from
// others.
var defaultLimits = ServiceLimits{
	MaxConns:           10_000,
	MaxInFlightPerConn: 4096,
	MaxInFlight:        65_536,
	MaxWaiting:         4096,
	MaxFrameSize:       4 << 20,
	MaxQueuedBytes:     4 << 20,
	MaxMetadataPairs:   256,
	MaxMetadataBytes:   64 << 10,
}

// defaultBytes is MaxBytes where frames are not larger than a 32nd of it.
const defaultBytes = 128 << 20

// settle fills in what follows from other limits. Budgets in which not two of the
// largest frames have room would refuse a large request for ever.
func (l *ServiceLimits) settle() error {
	least := 2 * (l.MaxFrameSize + 8*callBytes)
	if l.MaxBytes == 0 {
		l.MaxBytes = max(defaultBytes, 2*least, l.MaxBytesPerConn)
	}
	if l.MaxBytesPerConn == 0 {
		l.MaxBytesPerConn = l.MaxBytes
	}
	if l.MaxBytes < least || l.MaxBytesPerConn < least {
		return fmt.Errorf("%w: ServiceMaxBytes(%d, %d): with frames of up to %d bytes at least %d are needed",
			ErrInvalidOption, l.MaxBytesPerConn, l.MaxBytes, l.MaxFrameSize, least)
	}
	if l.MaxBytesPerPeer > 0 && l.MaxBytesPerPeer < least {
		return fmt.Errorf("%w: ServiceMaxPerPeer: bytes (%d): with frames of up to %d bytes at least %d are needed",
			ErrInvalidOption, l.MaxBytesPerPeer, l.MaxFrameSize, least)
	}
	return nil
}

// ServiceMaxConns sets how many connections may be open at once, handshakes
// included. Further ones are closed when they are accepted. Default 10,000.
func ServiceMaxConns(n int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceMaxConns", &o.limits.MaxConns, n) }
}

// ServiceMaxInFlight sets how many calls may be in flight: on one connection, whose
// client is told where the protocol can, and in the whole Service. Calls beyond are
// answered at once with CodeResourceExhausted, unrun; reading goes on, so that calls
// can be cancelled, and pings are answered. One connection alone may have all of the
// total; several share what is beyond half of it, as they do the places of
// ServiceMaxWaiting. Defaults 4096 and 65,536.
func ServiceMaxInFlight(perConn, total int) ServiceOption {
	return func(o *serviceOptions) {
		setOption(o, "ServiceMaxInFlight: perConn", &o.limits.MaxInFlightPerConn, perConn)
		setOption(o, "ServiceMaxInFlight: total", &o.limits.MaxInFlight, total)
	}
}

// ServiceMaxFrameSize sets the largest frame, in bytes, and the largest body that is
// unpacked from a compressed one. Clients are told where the protocol can (see
// muxpool.Settler), and then do not send a larger one. Who sends it all the same gets
// CodeTooLarge for that call, unrun, if the protocol has a muxpool.Measurer and the
// frame is not over 16 times the limit; otherwise it is disconnected. An answer that is
// larger, or larger than the client says that it takes, is replaced by one with
// CodeTooLarge. Default 4 MiB.
func ServiceMaxFrameSize(bytes int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceMaxFrameSize", &o.limits.MaxFrameSize, bytes) }
}

// ServiceMaxBytes sets how many bytes may be in use: for one connection, and in the
// whole Service. Frames count as they are read, requests while they are in flight, with
// their metadata, what was unpacked or copied of them, and 4 KiB besides, and answers until they
// are written. What a codec or an endpoint makes of a request does not.
//
// What comes beyond is answered with CodeResourceExhausted, unrun, where the protocol
// has a muxpool.Measurer; otherwise a frame for which there is no room ends its
// connection. Up to half of the total anybody may use. Beyond that a connection gets more
// while it has at most seven times an equal share of what is left, or, with up to a 512th
// of the total, three times as much: alone it may have seven eighths, and those who want
// everything end with equal shares. Of the last eighth it gets more while it has at most a
// 16th of what is left. One small call, of 8 KiB, every connection may have, however full
// it is. Defaults: 128 MiB, or four of the largest frames if that is more, for both.
func ServiceMaxBytes(perConn, total int) ServiceOption {
	return func(o *serviceOptions) {
		setOption(o, "ServiceMaxBytes: perConn", &o.limits.MaxBytesPerConn, perConn)
		setOption(o, "ServiceMaxBytes: total", &o.limits.MaxBytes, total)
	}
}

// ServiceMaxMetadata sets how many pairs of metadata a request may have, and how many
// bytes their names and values. Clients are told where the protocol can. A request with
// more is answered with CodeTooLarge, unrun. Defaults 256 and 64 KiB.
func ServiceMaxMetadata(pairs, bytes int) ServiceOption {
	return func(o *serviceOptions) {
		setOption(o, "ServiceMaxMetadata: pairs", &o.limits.MaxMetadataPairs, pairs)
		setOption(o, "ServiceMaxMetadata: bytes", &o.limits.MaxMetadataBytes, bytes)
	}
}

// ServiceMaxQueuedBytes sets how many bytes of answers may wait for one client to
// read them. Calls that are ready to answer then wait; a client that reads nothing
// for the time of ServiceWriteTimeout is disconnected. Default 4 MiB.
func ServiceMaxQueuedBytes(n int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceMaxQueuedBytes", &o.limits.MaxQueuedBytes, n) }
}

// ServiceWorkers runs calls on at most n goroutines: while all are busy, calls wait, as
// many as ServiceMaxWaiting allows. Connections take turns. Default 0: no bound, a call
// that blocks has a goroutine to itself.
func ServiceWorkers(n int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceWorkers", &o.limits.Workers, n) }
}

// ServiceMaxWaiting sets how many calls may wait for one of ServiceWorkers. Further ones
// are answered at once with CodeResourceExhausted, unrun. A call that is cancelled gives
// up its place; one whose client leaves, or whose time is over, is not run when its turn
// comes. Up to half of them anybody may wait; beyond, a connection has at most seven times
// an equal share of the places that are left, so alone seven eighths, or, with less than a
// 512th of all, three times as many. Default 4096.
func ServiceMaxWaiting(n int) ServiceOption {
	return func(o *serviceOptions) { setOption(o, "ServiceMaxWaiting", &o.limits.MaxWaiting, n) }
}
