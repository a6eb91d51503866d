package transport_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// plainPool is a pool that cannot ping.
type plainPool struct{ muxpool.Pool }

// A probe makes no call, and says how far it went.
func TestAProbeMakesNoCall(t *testing.T) {
	svc := serve(t, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) {
		t.Error("a probe was taken for a call")
		return nil, nil
	})})
	pool, ctx := newPool(t), testContext(t)
	client := func(pool muxpool.Pool) *transport.Client {
		return transport.NewClient(pool, svc.node, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes)
	}
	if answered, err := client(pool).Probe(ctx); !answered || err != nil {
		t.Errorf("native: %v, %v", answered, err)
	}
	if answered, err := client(plainPool{pool}).Probe(ctx); answered || err != nil {
		t.Errorf("a pool that cannot ask: %v, %v", answered, err)
	}
	svc.Close()
	if _, err := client(pool).Probe(ctx); err == nil {
		t.Error("a node that is gone was taken for well")
	}
	if _, err := client(nil).Probe(ctx); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a client without a pool: %v", err)
	}
}

// closingPool notes its MuxConns' ends, and answers pings as it is told.
type closingPool struct {
	pings     bool  // whether a ping is answered
	ping      error // or fails
	get       error
	got       int
	notClosed int
}

func (p *closingPool) GetMuxConn(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) {
	if p.got++; p.get != nil {
		return nil, p.get
	}
	p.notClosed++
	return &closingConn{pool: p}, nil
}

type closingConn struct {
	pieceByPiece
	pool *closingPool
}

func (c *closingConn) Close() { c.pool.notClosed-- }

type pingingPool struct{ *closingPool }

func (p pingingPool) Ping(context.Context, string, string, muxpool.GetOptions) (bool, error) {
	return p.pings, p.ping
}

// TestHowFarAProbeGoes: a peer that has shown a sign of life is asked for its health, where there is
// a method for that, and no other; what is opened for a probe is closed.
func TestHowFarAProbeGoes(t *testing.T) {
	refused := errors.New("refused")
	for _, row := range []struct {
		name     string
		pool     *closingPool
		asks     bool // the pool can ask for a sign of life
		protocol transport.Protocol
		answered bool
		err      error
		got      int // connections that were asked for
	}{
		{"a pool that cannot ask", &closingPool{}, false, native.Protocol{}, false, nil, 1},
		{"and has no connection", &closingPool{get: refused}, false, native.Protocol{}, false, refused, 1},
		{"no sign of life", &closingPool{ping: refused}, true, native.Protocol{}, false, refused, 0},
		{"the protocol has none", &closingPool{}, true, native.Protocol{}, false, nil, 0},
		{"nor health", &closingPool{}, true, oldNative{}, false, nil, 0},
		{"a sign of life of who knows nothing of health", &closingPool{pings: true}, true, oldNative{}, true, nil, 0},
		{"a sign of life, and no connection for the question", &closingPool{pings: true, get: refused}, true, native.Protocol{}, false, refused, 1},
		{"a sign of life, and no answer", &closingPool{pings: true}, true, native.Protocol{}, false, io.EOF, 1},
	} {
		pool := muxpool.Pool(row.pool)
		if row.asks {
			pool = pingingPool{row.pool}
		}
		c := transport.NewClient(pool, pipeNode, row.protocol, "M", transport.EncodeBytes, transport.DecodeBytes)
		answered, err := c.Probe(testContext(t))
		if answered != row.answered || !errors.Is(err, row.err) || (err == nil) != (row.err == nil) {
			t.Errorf("%s: %v, %v; want %v, %v", row.name, answered, err, row.answered, row.err)
		}
		if row.pool.got != row.got || row.pool.notClosed != 0 {
			t.Errorf("%s: %d connections were asked for, want %d; %d are open", row.name, row.pool.got, row.got, row.pool.notClosed)
		}
	}
}

// TestAskingWithAClientThatMakesNoSense: what its options say is the answer to everything.
func TestAskingWithAClientThatMakesNoSense(t *testing.T) {
	c := transport.NewClient(newPool(t), pipeNode, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes, transport.ClientTimeout(-1))
	if answered, err := c.Probe(testContext(t)); answered || !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a probe: %v, %v", answered, err)
	}
	if got, err := c.Health(testContext(t), ""); got != transport.HealthUnknown || !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("its node's health: %v, %v", got, err)
	}
	if got, err := c.WatchHealth(testContext(t), "", transport.HealthServing); got != transport.HealthUnknown || !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a watch: %v, %v", got, err)
	}
}
