package transport_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestCancelEndsTheServersContextAndIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started, ended := make(chan context.Context, 1), make(chan error, 1)
		p, _, stop := servePipes(t, map[string]*transport.Server{
			"M": rawServer(blocked(started, ended)), "Echo": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		write := func(frame []byte) {
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
		}
		write(request(t, 5, "M", ""))
		bounded.Receive(t, started)
		write(native.Protocol{}.AppendCancel(nil, 6)) // somebody else's
		write(request(t, 7, "Echo", "x"))
		if a := bounded.Receive(t, answers); a.id != 7 {
			t.Errorf("got %+v", a)
		}
		select {
		case err := <-ended:
			t.Fatalf("the context ended with %v on the cancel of another call", err)
		default:
		}
		write(native.Protocol{}.AppendCancel(nil, 5))
		if err := bounded.Receive(t, ended); err != context.Canceled {
			t.Errorf("the context ended with %v", err)
		}
		var e *transport.Error
		if a := bounded.Receive(t, answers); a.id != 5 || !errors.As(a.err, &e) || e.Code != transport.CodeCanceled {
			t.Errorf("got %+v: the id would stay taken", a)
		}
		nc.Close()
	})
}

// closing is a MuxConn with a last word.
type closing struct {
	muxpool.MuxConn
	last chan<- []byte
}

func (c closing) CloseWith(frame []byte) {
	c.last <- append([]byte(nil), frame...)
	c.Close()
}

func TestClientSendsACancelWhenItsCallerLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		with    func(context.Context) (context.Context, context.CancelFunc)
		options []transport.ClientOption
	}{
		"context":                         {context.WithCancel, nil},
		"deadline.Context":                {withDeadline, nil},
		"deadline.Context and a hook's":   {withDeadline, []transport.ClientOption{transport.ClientBefore(wrapContext)}},
		"deadline.Context, ClientTimeout": {withDeadline, []transport.ClientOption{transport.ClientTimeout(waitTime)}},
	} {
		t.Run(name, func(t *testing.T) { testCancel(t, c.with, c.options...) })
	}
}

func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return deadline.WithTimeout(ctx, waitTime)
}

func wrapContext(ctx context.Context, _ *transport.Message) context.Context {
	return context.WithValue(ctx, ctxKey("hook"), "wrapped")
}

func testCancel(t *testing.T, with func(context.Context) (context.Context, context.CancelFunc), options ...transport.ClientOption) {
	started, ended := make(chan context.Context, 1), make(chan error, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(blocked(started, ended))})
	pool, last, vid := newPool(t), make(chan []byte, 1), uint32(0)
	call := rawClient(getFunc(func(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
		mc, err := pool.GetMuxConn(ctx, network, address, opts)
		if err != nil {
			return nil, err
		}
		vid = mc.VID()
		return closing{mc, last}, nil
	}), s.node, "M", options...)
	ctx, cancel := with(t.Context())
	go func() { <-started; cancel() }()
	_, err := call(ctx, []byte{})
	if e := asError(t, err); e.Code != transport.CodeCanceled || !errors.Is(err, context.Canceled) || !e.Sent() {
		t.Errorf("got %v", err)
	}
	if got, want := wait(t, "the cancel", last), (native.Protocol{}).AppendCancel(nil, vid); string(got) != string(want) {
		t.Errorf("got %x, want %x", got, want)
	}
	s.Close()
	wait(t, "the call", ended)
}

// writing is a MuxConn without a last word, whose writes are told.
type writing struct {
	muxpool.MuxConn
	frames chan<- []byte
}

func (w writing) Write(frame []byte) error {
	w.frames <- append([]byte(nil), frame...)
	return w.MuxConn.Write(frame)
}

// Where a MuxConn has no last word, the cancel is a frame like any other.
func TestACancelWithoutALastWord(t *testing.T) {
	started, ended := make(chan context.Context, 1), make(chan error, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(blocked(started, ended))})
	pool, frames, vid := newPool(t), make(chan []byte, 2), uint32(0)
	call := rawClient(getFunc(func(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
		mc, err := pool.GetMuxConn(ctx, network, address, opts)
		if err != nil {
			return nil, err
		}
		vid = mc.VID()
		return writing{mc, frames}, nil
	}), s.node, "M")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := call(ctx, []byte{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wait(t, "the request", frames)
	if got, want := wait(t, "the cancel", frames), (native.Protocol{}).AppendCancel(nil, vid); string(got) != string(want) {
		t.Errorf("got %x, want %x", got, want)
	}
	s.Close()
	wait(t, "the call", ended)
}

// The whole way.
func TestCancellationTravels(t *testing.T) {
	started, ended := make(chan context.Context, 1), make(chan error, 1)
	s := serve(t, map[string]*transport.Server{"M": rawServer(blocked(started, ended)), "Echo": rawServer(echo)})
	pool := newPool(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := rawClient(pool, s.node, "M")(ctx, []byte{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := wait(t, "the end of the server's context", ended); err != context.Canceled {
		t.Errorf("the server's context ended with %v", err)
	}
	if _, err := rawClient(pool, s.node, "Echo")(testContext(t), []byte{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}
