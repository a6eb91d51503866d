package protocoltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// greet makes the protocol's handshake with the peer's part of it, and returns what is
// learned; nothing if the handshake learns nothing.
func (k *kit) greet() (session any, err error) {
	h, ok := k.p.(muxpool.SessionHandshaker)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), guardTime)
	defer cancel()
	peer := k.handshake
	if s, ok := k.p.(transport.ServerHandshaker); ok {
		peer = func(nc net.Conn) error { return s.ServerHandshake(ctx, nc) }
	}
	if peer == nil {
		return nil, errors.New("the protocol has sessions: tell with protocoltest.PeerHandshake what the peer does before the first call")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	greeted := make(chan error, 1)
	go func() {
		nc, err := l.Accept()
		if err == nil {
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(guardTime))
			err = peer(nc)
		}
		greeted <- err
	}()
	defer func() {
		_ = l.Close()
		if theirs := <-greeted; theirs != nil {
			err = errors.Join(err, fmt.Errorf("the peer's part of the handshake: %w", theirs))
		}
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(guardTime))
	return h.HandshakeSession(ctx, nc)
}

// learn makes the session that the checks of bytes go by.
func (k *kit) learn() (err error) {
	k.session, err = k.greet()
	return err
}

// testSession checks that what a handshake learns is its connection's, and no other's.
func (k *kit) testSession(t *testing.T) {
	if err := k.learn(); err != nil {
		t.Fatal(err)
	}
	if k.session == nil {
		return
	}
	id := k.ids()[0]
	first, err := k.request(id, k.bodies[0])
	if err != nil {
		t.Fatalf("AppendRequest: %v", err)
	}
	if again, _ := k.request(id, k.bodies[0]); !bytes.Equal(again, first) {
		return // it counts, or draws
	}
	if _, err := k.greet(); err != nil {
		t.Fatalf("a second handshake: %v", err)
	}
	if again, err := k.request(id, k.bodies[0]); err != nil || !bytes.Equal(again, first) {
		t.Fatalf("when another connection had made its handshake, AppendRequest made %.60q, %v of what was %.60q: "+
			"what a handshake learns is in the session that it returns, and not in the protocol, which all connections share", again, err, first)
	}
}
