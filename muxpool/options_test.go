package muxpool

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// TestEachInvalidOptionIsNamed: New names every option that makes no sense, at once.
func TestEachInvalidOptionIsNamed(t *testing.T) {
	invalid := map[string]PoolOption{
		"WithConnectNumber(-1)":                             WithConnectNumber(-1),
		"WithConnectNumber(65537)":                          WithConnectNumber(65537),
		"WithMaxConnsPerHost(-2)":                           WithMaxConnsPerHost(-2),
		"WithMaxConnsPerHost(1)":                            WithMaxConnsPerHost(1), // with two connections
		"WithQueueSize(-3)":                                 WithQueueSize(-3),
		"WithDialTimeout(-4ns)":                             WithDialTimeout(-4),
		"WithMaxVirConnsPerConn(-5)":                        WithMaxVirConnsPerConn(-5),
		"WithMaxIdleConnsPerHost(-6)":                       WithMaxIdleConnsPerHost(-6),
		"WithDialContext(nil)":                              WithDialContext(nil),
		"WithReconnect: max(-7)":                            WithReconnect(-7, 0, 0),
		"WithReconnect: initial(-8ns)":                      WithReconnect(0, -8, 0),
		"WithReconnect: limit(-9ns)":                        WithReconnect(0, 0, -9),
		"WithReconnect: limit 1ms is less than initial 2ms": WithReconnect(0, 2*time.Millisecond, time.Millisecond),
		"WithIdleTimeout(-10ns)":                            WithIdleTimeout(-10),
		"WithKeepAlive(-11ns)":                              WithKeepAlive(-11),
		"WithStallTimeout(-12ns)":                           WithStallTimeout(-12),
		"WithWriteTimeout(-13ns)":                           WithWriteTimeout(-13),
		"WithMaxFrameSize(-14)":                             WithMaxFrameSize(-14),
		"WithRecvLimit(-15)":                                WithRecvLimit(-15),
		"WithRecvWait(-16ns)":                               WithRecvWait(-16),
		"WithMaxAnswerSize(-17)":                            WithMaxAnswerSize(-17),
		`WithPreWarm("tcp", "peer")`:                        WithPreWarm("tcp", "peer", NewGetOptions()), // no parser
	}
	for text, opt := range invalid {
		pool, err := New(opt)
		if pool != nil || !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	_, err := New(WithQueueSize(-3), WithKeepAlive(-11))
	if err == nil || !strings.Contains(err.Error(), "WithQueueSize(-3)") || !strings.Contains(err.Error(), "WithKeepAlive(-11ns)") {
		t.Errorf("two at once: %v", err)
	}
	nowhere := NewGetOptions() // an option that only a dial uses
	nowhere.WithFrameParser(worldParser{})
	nowhere.WithLocalAddr("nowhere")
	_, err = New(WithQueueSize(-3), WithPreWarm("tcp", "peer:1", nowhere))
	if err == nil || !strings.Contains(err.Error(), "WithQueueSize(-3)") || !strings.Contains(err.Error(), `WithLocalAddr("nowhere")`) {
		t.Errorf("one of them of a node: %v", err)
	}
	pool, err := New(WithConnectNumber(65536))
	if err != nil {
		t.Fatal("as many connections as are allowed: ", err)
	}
	pool.Close()
}

func TestDefaultsFollowOtherOptions(t *testing.T) {
	p, err := New(WithConnectNumber(3), WithKeepAlive(time.Second), WithReconnect(0, time.Second, 0), WithMaxIdleConnsPerHost(1))
	if err != nil {
		t.Fatal(err)
	}
	o := p.opts
	if o.maxConns != 24 || o.stallTimeout != 1500*time.Millisecond || o.reconnectLimit != time.Second || o.maxIdle != 3 {
		t.Errorf("maxConns %d, stallTimeout %v, reconnectLimit %v, maxIdle %d", o.maxConns, o.stallTimeout, o.reconnectLimit, o.maxIdle)
	}
	for d, want := range map[time.Duration]time.Duration{2: 3, 1 << 62: 3 << 61, math.MaxInt64 - 1: math.MaxInt64, math.MaxInt64: math.MaxInt64} {
		if got := oneAndHalf(d); got != want {
			t.Errorf("1.5 times %d is %d", d, got)
		}
	}
}

// TestRecvWaitIsBounded: by a quarter of what a connection may be silent, which it is while it waits.
func TestRecvWaitIsBounded(t *testing.T) {
	for _, row := range []struct {
		opts []PoolOption
		want time.Duration
	}{
		{[]PoolOption{WithKeepAlive(80 * time.Millisecond)}, 20 * time.Millisecond},
		{[]PoolOption{WithStallTimeout(80 * time.Millisecond)}, 20 * time.Millisecond},
		{[]PoolOption{WithRecvWait(time.Hour)}, 500 * time.Millisecond},
		{[]PoolOption{WithRecvWait(3 * time.Millisecond)}, 3 * time.Millisecond},
		{[]PoolOption{WithKeepAlive(1)}, 1},
	} {
		p, err := New(row.opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if p.opts.recvWait != row.want {
			t.Errorf("keepalive %v, stall timeout %v: waits for %v, want %v", p.opts.keepAlive, p.opts.stallTimeout, p.opts.recvWait, row.want)
		}
	}
}
