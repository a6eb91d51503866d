// Package old makes of muxpool's virtual connections what the code of tRPC-Go expects of
// those of its pool/multiplexed: that the contexts' own errors come as they are, to be
// compared with ==, and that a stream's id and a call's may be the same. It imports
// nothing of tRPC-Go; package trpcpool is what its users want.
package old

import (
	"context"
	"errors"
	"io"

	"github.com/muxkit/muxkit/muxpool"
)

// Options are those of pool/multiplexed for one Get, and what its caller knows besides.
type Options struct {
	FP  muxpool.FrameParser
	VID uint32 // 0: the pool's own choice, which the frames must carry

	CACertFile, TLSCertFile, TLSKeyFile, TLSServerName string // no CA: the system's; neither a CA nor a pair: no TLS
	LocalAddr                                          string

	OneWay bool // nothing is answered: the id is free when the frame was sent
	Stream bool // the id is a stream's: it is of another space than those of calls
}

// Get opens a virtual connection.
func Get(ctx context.Context, pool muxpool.Pool, network, address string, o Options) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opts := muxpool.NewGetOptions()
	switch {
	case o.FP == nil:
	case o.Stream:
		opts.WithFrameParser(streams{o.FP})
	default:
		opts.WithFrameParser(o.FP)
	}
	if o.VID != 0 {
		opts.WithVID(o.VID)
	}
	if o.CACertFile != "" || o.TLSCertFile != "" || o.TLSKeyFile != "" {
		opts.WithDialTLS(o.TLSCertFile, o.TLSKeyFile, o.CACertFile, o.TLSServerName)
	}
	if o.LocalAddr != "" {
		opts.WithLocalAddr(o.LocalAddr)
	}
	if o.OneWay {
		opts.WithOneWay()
	}
	mc, err := pool.GetMuxConn(ctx, network, address, opts)
	if err != nil {
		return nil, err
	}
	return &Conn{mc}, nil
}

// streams is the parser of connections that bear streams: another value than that of
// calls, so that the pool keeps their connections, and with them their ids, apart.
type streams struct{ fp muxpool.FrameParser }

// Parse implements muxpool.FrameParser.
func (s streams) Parse(r io.Reader) (uint32, []byte, error) { return s.fp.Parse(r) }

// Conn is a MuxConn whose Read and Write return the contexts' errors bare.
type Conn struct{ muxpool.MuxConn }

// Write implements multiplexed.MuxConn.
func (c *Conn) Write(b []byte) error { return Bare(c.MuxConn.Write(b)) }

// Read implements multiplexed.MuxConn.
func (c *Conn) Read() ([]byte, error) {
	b, err := c.MuxConn.Read()
	return b, Bare(err)
}

// Bare is what tRPC-Go compares with ==.
func Bare(err error) error {
	for _, own := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, own) {
			return own
		}
	}
	return err
}
