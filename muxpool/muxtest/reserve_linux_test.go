package muxtest

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// TestPortIsKeptWhileDown: nobody else gets the port of a peer that is down.
func TestPortIsKeptWhileDown(t *testing.T) {
	p := NewPeer(nil)
	defer p.Close()
	address, err := p.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Down()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	at := &syscall.SockaddrInet4{Port: int(netip.MustParseAddrPort(address).Port()), Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(fd, at); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("another socket was bound to the port: %v", err)
	}
	if nc, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a dial got %v, %v, want it refused", nc, err)
	}
	if err := p.Up(); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}
