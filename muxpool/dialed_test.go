package muxpool

import "testing"

// TestConnectionWithoutAddresses: a datagram connection of the user's own may have no
// address; nobody takes two such for one, nor avoids what has no name.
func TestConnectionWithoutAddresses(t *testing.T) {
	a, b := &conn{datagram: true}, &conn{datagram: true}
	if a.sameAs(b) || a.peerAddr() != "" {
		t.Error("connections without addresses lead to one place")
	}
	if got, _ := (&node{}).attempts(&slot{conn: a}); got != "" {
		t.Errorf("avoids %q", got)
	}
}
