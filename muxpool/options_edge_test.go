package muxpool

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// TestExtremeOptions: what stands for "never" and "no limit" must not overflow.
func TestExtremeOptions(t *testing.T) {
	if _, err := New(WithConnectNumber(1 << 40)); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "WithConnectNumber") {
		t.Errorf("2^40 connections: %v", err)
	}
	opts := []PoolOption{WithConnectNumber(1), WithKeepAlive(math.MaxInt64), WithReconnect(math.MaxInt, math.MaxInt64, math.MaxInt64),
		WithIdleTimeout(math.MaxInt64), WithDialTimeout(math.MaxInt64), WithWriteTimeout(math.MaxInt64)}
	withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		m := w.mustGet(ctx)
		w.mustWrite(m, 1)
		if _, err := m.Read(); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		m.Close()
		time.Sleep(time.Minute)
		if s := w.pool.Stats().Nodes[0]; len(s.Conns) != 1 {
			t.Errorf("a connection without a stall timeout: %+v", s)
		}
	})
}

// TestLocalAddrIsNotDropped: a dial function would not hear of it.
func TestLocalAddrIsNotDropped(t *testing.T) {
	withWorld(t, worldParser{}, nil, func(t *testing.T, w *world) {
		opts := w.opts
		opts.WithLocalAddr("127.0.0.1:0")
		m, err := w.pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
		if !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "WithLocalAddr") || !strings.Contains(err.Error(), "WithDialContext") {
			t.Errorf("got %v, %v, want an error that names both options", m, err)
		}
	})
}

// TestTLSIsForStreams: over datagrams it is refused, and not left out.
func TestTLSIsForStreams(t *testing.T) {
	withWorld(t, worldParser{}, nil, func(t *testing.T, w *world) {
		opts := w.opts
		opts.WithTLSConfig(&tls.Config{})
		m, err := w.pool.GetMuxConn(context.Background(), "udp", "peer:1", opts)
		if !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "TLS over udp") {
			t.Errorf("got %v, %v, want an error that says TLS over udp", m, err)
		}
	})
}

// TestNilTLSConfigIsNoPlaintext: who passes a TLS configuration wants TLS.
func TestNilTLSConfigIsNoPlaintext(t *testing.T) {
	withWorld(t, worldParser{}, nil, func(t *testing.T, w *world) {
		opts := w.opts
		opts.WithTLSConfig(nil)
		m, err := w.pool.GetMuxConn(context.Background(), "tcp", "peer:1", opts)
		if !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "WithTLSConfig") {
			t.Errorf("got %v, %v, want an error that names WithTLSConfig", m, err)
		}
	})
}
