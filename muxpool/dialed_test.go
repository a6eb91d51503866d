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
	if got, _ := (&node{}).attempts(&slot{conn: a}); got != "" {
		t.Errorf("avoids %q", got)
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
