package muxpool

import (
	"net"
	"testing"
)

// TestConnectionWithoutAddresses: a datagram connection of the user's own may have no
// address; nobody takes two such for one, nor avoids what has no name.
func TestConnectionWithoutAddresses(t *testing.T) {
	a, b := &conn{datagram: true}, &conn{datagram: true}
	if a.sameAs(b) || a.at != "" {
		t.Error("connections without addresses lead to one place")
	}
	for _, row := range []struct {
		c    *conn
		want string
	}{{a, ""}, {&conn{datagram: true, at: "10.0.0.1:1"}, "10.0.0.1:1"}, {&conn{at: "10.0.0.1:1"}, ""}} {
		if got, _ := (&node{}).attempts(&slot{conn: row.c}); got != row.want {
			t.Errorf("datagrams: %v, at %q: avoids %q, want %q", row.c.datagram, row.c.at, got, row.want)
		}
	}
}

// shyAddr cannot say where it is.
type shyAddr struct{ net.Addr }

func (shyAddr) String() string { panic("planted") }

type shyConn struct{ net.Conn }

func (shyConn) LocalAddr() net.Addr  { return shyAddr{} }
func (shyConn) RemoteAddr() net.Addr { return shyAddr{} }

// TestAddressWithoutText: an address is asked for its text once, where its panic ends nothing, and not
// under the node's lock when the connection is replaced.
func TestAddressWithoutText(t *testing.T) {
	if local, remote, at := addressesOf(shyConn{}); local == nil || remote == nil || at != "" {
		t.Errorf("%T, %T, %q", local, remote, at)
	}
}

// loudConn panics when it is closed.
type loudConn struct{ net.Conn }

func (loudConn) Close() error      { panic("planted") }
func (loudConn) CloseWrite() error { panic("planted") }

// TestCloseThatPanics ends nobody's goroutine.
func TestCloseThatPanics(*testing.T) {
	shut(loudConn{})
	closeWrite(loudConn{})
}
