// Package trpcpool gives muxpool to the unchanged client of tRPC-Go
// (trpc.group/trpc-go/trpc-go), for calls and for streams:
//
//	pool, err := trpcpool.New(muxpool.WithConnectNumber(4))
//	...
//	rsp, err := proxy.SayHello(ctx, req, client.WithMultiplexedPool(pool))
//
// A connection that is lost, silent or full is then dealt with as muxpool does, and the
// pool can be watched: Mux is what breakers and metrics take. What differs from
// pool/multiplexed is in docs/from-trpc-go.md.
package trpcpool

import (
	"context"
	"errors"

	"trpc.group/trpc-go/trpc-go/codec"
	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/pool/multiplexed"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport/trpc/trpcpool/old"
)

// Pool is a multiplexed.Pool. It is safe for concurrent use.
type Pool struct{ mux *muxpool.Multiplexed }

var _ multiplexed.Pool = (*Pool)(nil)

// New returns a Pool with the options of muxpool, whose names and defaults for what
// pool/multiplexed has too are the same. The error names what makes no sense.
func New(options ...muxpool.PoolOption) (*Pool, error) {
	mux, err := muxpool.New(options...)
	if err != nil {
		return nil, err
	}
	return &Pool{mux}, nil
}

// Mux returns the pool beneath, to be watched, measured, and shared.
func (p *Pool) Mux() *muxpool.Multiplexed { return p.mux }

// Close ends all connections, and the calls and streams on them.
func (p *Pool) Close() error { return p.mux.Close() }

// Shutdown lets calls and streams end first, as muxpool does.
func (p *Pool) Shutdown(ctx context.Context) error { return p.mux.Shutdown(ctx) }

// GetMuxConn implements multiplexed.Pool. Unlike the old one it waits for a connection,
// until ctx ends. Its errors are *errs.Error, with the causes that muxpool knows:
// RetClientTimeout and RetClientCanceled if ctx has ended, else RetClientConnectFail.
func (p *Pool) GetMuxConn(ctx context.Context, network, address string, opts multiplexed.GetOptions) (multiplexed.MuxConn, error) {
	msg := codec.Message(ctx)
	o := old.Options{FP: opts.FP, VID: opts.VID, CACertFile: opts.CACertFile, TLSCertFile: opts.TLSCertFile, TLSKeyFile: opts.TLSKeyFile,
		TLSServerName: opts.TLSServerName, LocalAddr: opts.LocalAddr, OneWay: msg.CallType() == codec.SendOnly,
		Stream: opts.VID != 0 && msg.StreamID() == opts.VID}
	mc, err := old.Get(ctx, p.mux, network, address, o)
	if err != nil {
		return nil, failure(err)
	}
	return mc, nil
}

// failure is an error of muxpool in tRPC-Go's words.
func failure(err error) error {
	code := errs.RetClientConnectFail
	switch {
	case errors.Is(err, context.Canceled):
		code = errs.RetClientCanceled
	case errors.Is(err, context.DeadlineExceeded):
		code = errs.RetClientTimeout
	}
	return errs.WrapFrameError(err, code, "tcp client multiplexed transport pool: "+err.Error())
}
