package muxpool

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// sessionParser learns a number in each handshake.
type sessionParser struct {
	worldParser
	made *atomic.Uint32
}

func (p sessionParser) HandshakeSession(context.Context, net.Conn) (any, error) {
	return p.made.Add(1), nil
}

// TestSessionIsTheConnections: each has what its own handshake returned.
func TestSessionIsTheConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1) // two connections
		defer w.end()
		w.opts.WithFrameParser(sessionParser{made: new(atomic.Uint32)})
		owner := make(map[any]*conn)
		for range 20 {
			m := w.mustGet(context.Background())
			defer m.Close()
			if c, ok := owner[m.Session()]; m.Session() == nil || ok && c != m.conn {
				t.Fatalf("the session %v is that of several connections, or of none", m.Session())
			}
			owner[m.Session()] = m.conn
			synctest.Wait() // the other connection is made
		}
		if len(owner) != 2 {
			t.Errorf("%d sessions of 2 connections", len(owner))
		}
	})
}

func TestNoSessionWithoutAHandshake(t *testing.T) {
	peerFrames(t, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background())
		defer m.Close()
		if s := m.Session(); s != nil {
			t.Errorf("got %v", s)
		}
	})
}
