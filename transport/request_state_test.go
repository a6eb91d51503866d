package transport_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// reading is the native protocol whose answers do not say how many numbers they have: the
// request does, which its Tag remembers.
type reading struct{ native.Protocol }

func (p reading) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	req.Tag = int(req.Body[0])
	return p.Protocol.AppendRequest(dst, id, req)
}

func (p reading) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.Protocol.ParseResponse(frame, resp)
	if err == nil {
		resp.Body = resp.Body[:resp.Tag.(int)]
	}
	return err
}

func TestTagOfTheRequestReachesItsAnswer(t *testing.T) {
	s := serveProtocol(t, reading{}, map[string]*transport.Server{"M": rawServer(func(context.Context, any) (any, error) {
		return []byte("abcdefgh"), nil
	})})
	pool := newPool(t)
	for n := byte(1); n < 8; n++ {
		c := transport.NewClient(pool, s.node, reading{}, "M", transport.EncodeBytes, transport.DecodeBytes)
		got, err := c.Endpoint()(testContext(t), []byte{n})
		if want := "abcdefgh"[:n]; err != nil || string(got.([]byte)) != want {
			t.Errorf("asked for %d: got %s, %v", n, got, err)
		}
	}
}

// greeted is the native protocol whose answers are as many letters further in the alphabet as the
// server's greeting says.
type greeted struct{ native.Protocol }

func (greeted) HandshakeSession(_ context.Context, nc net.Conn) (any, error) {
	b := make([]byte, 1)
	_, err := nc.Read(b)
	return b[0], err
}

func (greeted) ServerHandshake(_ context.Context, nc net.Conn) error {
	_, err := nc.Write([]byte{3})
	return err
}

func (p greeted) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.Protocol.ParseResponse(frame, resp)
	for i := range resp.Body {
		resp.Body[i] += resp.Session.(byte)
	}
	return err
}

func TestSessionReachesAnswers(t *testing.T) {
	s := serveProtocol(t, greeted{}, map[string]*transport.Server{"M": rawServer(echo)})
	c := transport.NewClient(newPool(t), s.node, greeted{}, "M", transport.EncodeBytes, transport.DecodeBytes)
	if got, err := c.Endpoint()(testContext(t), []byte("abc")); err != nil || string(got.([]byte)) != "def" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestPoolThatTellsNoSession: a wrapper that hides it is told, and nothing is sent.
func TestPoolThatTellsNoSession(t *testing.T) {
	s := serveProtocol(t, greeted{}, map[string]*transport.Server{"M": rawServer(echo)})
	pool := newPool(t)
	hiding := getFunc(func(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
		mc, err := pool.GetMuxConn(ctx, network, address, opts)
		return struct{ muxpool.MuxConn }{mc}, err
	})
	_, err := transport.NewClient(hiding, s.node, greeted{}, "M", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(testContext(t), []byte("abc"))
	if e := asError(t, err); e.Code != transport.CodeInvalid || e.Sent() || !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("got %v", err)
	}
}

// unasking is the native protocol whose cancel is a request to the method "cancel".
type unasking struct{ native.Protocol }

func (p unasking) AppendCancelRequest(dst []byte, id, left uint32, req *transport.Message) []byte {
	dst, _ = p.Protocol.AppendRequest(dst, id, &transport.Message{Method: "cancel", Body: binary.BigEndian.AppendUint32([]byte(req.Method), left)})
	return dst
}

func TestCancelThatIsARequest(t *testing.T) {
	started, ended, canceled := make(chan context.Context, 1), make(chan error, 1), make(chan []byte, 1)
	s := serveProtocol(t, unasking{}, map[string]*transport.Server{
		"M": rawServer(blocked(started, ended)),
		"cancel": rawServer(func(_ context.Context, request any) (any, error) {
			canceled <- append([]byte(nil), request.([]byte)...)
			return []byte{}, nil
		})})
	pool := newPool(t)
	c := transport.NewClient(pool, s.node, unasking{}, "M", transport.EncodeBytes, transport.DecodeBytes)
	ctx, cancel := context.WithCancel(testContext(t))
	go func() { <-started; cancel() }()
	if _, err := c.Endpoint()(ctx, []byte{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := wait(t, "the cancel", canceled); len(got) != 5 || got[0] != 'M' {
		t.Errorf("the cancel says %x", got)
	}
	s.Close()
	wait(t, "the call", ended)
}

// TestNoCancelWithoutAnIDOfItsOwn: a wrapper that hides LastRequester leaves the peer to its
// deadline, and the call ends all the same.
func TestNoCancelWithoutAnIDOfItsOwn(t *testing.T) {
	started, ended := make(chan context.Context, 1), make(chan error, 1)
	s := serveProtocol(t, unasking{}, map[string]*transport.Server{"M": rawServer(blocked(started, ended))})
	pool := newPool(t)
	hiding := getFunc(func(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
		mc, err := pool.GetMuxConn(ctx, network, address, opts)
		return struct{ muxpool.MuxConn }{mc}, err
	})
	ctx, cancel := context.WithCancel(testContext(t))
	go func() { <-started; cancel() }()
	_, err := transport.NewClient(hiding, s.node, unasking{}, "M", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(ctx, []byte{})
	if e := asError(t, err); e.Code != transport.CodeCanceled || !e.Sent() {
		t.Errorf("got %v", err)
	}
	s.Close()
	wait(t, "the call", ended)
}
