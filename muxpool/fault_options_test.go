package muxpool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFault_InvalidOptions(t *testing.T) {
	for name, opt := range map[string]muxpool.PoolOption{
		"WithConnectNumber":       muxpool.WithConnectNumber(-1),
		"WithMaxConnsPerHost":     muxpool.WithMaxConnsPerHost(-1),
		"WithQueueSize":           muxpool.WithQueueSize(-1),
		"WithDialTimeout":         muxpool.WithDialTimeout(-1),
		"WithMaxVirConnsPerConn":  muxpool.WithMaxVirConnsPerConn(-1),
		"WithMaxIdleConnsPerHost": muxpool.WithMaxIdleConnsPerHost(-1),
		"WithDialContext":         muxpool.WithDialContext(nil),
		"WithReconnect":           muxpool.WithReconnect(-1, time.Second, time.Second),
		"WithReconnect: initial":  muxpool.WithReconnect(1, -time.Second, time.Second),
		"WithReconnect: limit":    muxpool.WithReconnect(1, time.Second, -time.Second),
		"WithIdleTimeout":         muxpool.WithIdleTimeout(-1),
		"WithKeepAlive":           muxpool.WithKeepAlive(-1),
		"WithStallTimeout":        muxpool.WithStallTimeout(-1),
		"WithWriteTimeout":        muxpool.WithWriteTimeout(-1),
		"WithMaxFrameSize":        muxpool.WithMaxFrameSize(-1),
		"WithRecvLimit":           muxpool.WithRecvLimit(-1),
		"WithPreWarm":             muxpool.WithPreWarm("carrier pigeon", "x:1", muxpool.NewGetOptions()),
	} {
		pool, err := muxpool.New(opt, muxpool.WithConnectNumber(2))
		if pool != nil || !errors.Is(err, muxpool.ErrInvalidOption) && name != "WithPreWarm" {
			t.Errorf("%s: %v, %v", name, pool, err)
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
		if pool != nil {
			pool.Close()
		}
	}
}

func TestFault_ZeroOptionsAreDefaults(t *testing.T) {
	zero := []muxpool.PoolOption{
		muxpool.WithConnectNumber(0), muxpool.WithMaxConnsPerHost(0), muxpool.WithQueueSize(0), muxpool.WithDialTimeout(0),
		muxpool.WithMaxVirConnsPerConn(0), muxpool.WithMaxIdleConnsPerHost(0), muxpool.WithReconnect(0, 0, 0),
		muxpool.WithIdleTimeout(0), muxpool.WithKeepAlive(0), muxpool.WithStallTimeout(0), muxpool.WithWriteTimeout(0),
		muxpool.WithMaxFrameSize(0), muxpool.WithRecvLimit(0),
	}
	world.Both(t, world.Setup{Opts: zero}, func(w *world.World) {
		if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
			w.Error(failed[0])
		}
	})
}

// funcParser cannot be compared.
type funcParser struct {
	muxtest.Parser
	_ func()
}

func TestFault_InvalidGets(t *testing.T) {
	world.InBubble(t, world.Setup{}, func(w *world.World) {
		parser := func(o *muxpool.GetOptions) { o.WithFrameParser(muxtest.Parser{}) }
		for _, test := range []struct {
			name, network string
			opts          func(*muxpool.GetOptions)
			want          error
			text          string
		}{
			{"nil parser", "tcp", func(o *muxpool.GetOptions) {}, muxpool.ErrFrameParserNil, ""},
			{"unknown network", "carrier pigeon", parser, muxpool.ErrNetworkNotSupport, "carrier pigeon"},
			{"empty network", "", parser, muxpool.ErrNetworkNotSupport, ""},
			{"parser that cannot be compared", "tcp", func(o *muxpool.GetOptions) { o.WithFrameParser(funcParser{}) }, muxpool.ErrInvalidOption, "WithFrameParser"},
			{"two kinds of TLS", "tcp", func(o *muxpool.GetOptions) {
				parser(o)
				o.WithDialTLS("", "", "none", "")
				o.WithTLSConfig(&tls.Config{})
			}, muxpool.ErrInvalidOption, "TLS"},
			{"key without a certificate", "tcp", func(o *muxpool.GetOptions) {
				parser(o)
				o.WithDialTLS("", "key.pem", "none", "")
			}, muxpool.ErrInvalidOption, "WithDialTLS"},
			{"negative timeout", "tcp", func(o *muxpool.GetOptions) { parser(o); o.WithTimeout(-1) }, muxpool.ErrInvalidOption, "WithTimeout"},
			{"empty address", "tcp", parser, muxpool.ErrInvalidOption, "address"},
			{"local address", "tcp", func(o *muxpool.GetOptions) { parser(o); o.WithLocalAddr("nonsense") }, muxpool.ErrInvalidOption, "WithLocalAddr"},
			{"id outside of the space", "tcp", func(o *muxpool.GetOptions) {
				o.WithFrameParser(world.Spaced{IDs: muxtest.IDs8})
				o.WithVID(256)
			}, muxpool.ErrInvalidOption, "WithVID"},
		} {
			opts, address := muxpool.NewGetOptions(), "victim:1"
			test.opts(&opts)
			if test.name == "empty address" {
				address = ""
			}
			mc, err := w.Pool.GetMuxConn(context.Background(), test.network, address, opts)
			if mc != nil || !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				w.Errorf("%s: got %v, %v, want %v that names %q", test.name, mc, err, test.want, test.text)
			}
			var e *muxpool.Error
			if !errors.As(err, &e) || e.Sent() {
				w.Errorf("%s: %#v", test.name, err)
			}
		}
		if s := w.Victim.Stats(); s.Dials != 0 {
			w.Errorf("%d dials for Gets that make no sense", s.Dials)
		}
	})
}

func TestFault_EmptyIDSpace(t *testing.T) {
	for name, parser := range map[string]world.Spaced{"max below min": few(9, 3, 0), "all reserved": few(1, 9, 1)} {
		t.Run(name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: parser, Alone: true}, func(w *world.World) {
				err := w.Call()
				if w.WantError(err, muxpool.ErrInvalidOption, false); !strings.Contains(err.Error(), "IDSpace") {
					w.Errorf("the error does not name IDSpace: %v", err)
				}
			})
		})
	}
}

// TestFault_WithTimeout: a deadline that costs no context.
func TestFault_WithTimeout(t *testing.T) {
	world.InBubble(t, world.Setup{Parser: world.Classified{}, Act: muxtest.Drop}, func(w *world.World) {
		mc := w.Get(context.Background(), func(o *muxpool.GetOptions) { o.WithTimeout(100 * time.Millisecond) })
		defer mc.Close()
		w.Within(150*time.Millisecond, "a call with a timeout of 100 ms", func() {
			w.WantError(muxtest.Exchange(mc, nil), context.DeadlineExceeded, true)
		})
	})
}
