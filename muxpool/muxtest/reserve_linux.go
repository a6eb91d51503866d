package muxtest

import (
	"io"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// reserve has the system choose a port if address leaves it open, and keeps it
// until the closer is closed: by a socket that is bound and does not listen. While
// the peer is down, dials are refused, and the port is given to nobody else, nor
// to a dial to itself, which would then be connected with itself. What reserve
// cannot keep it leaves as it is.
func reserve(network, address string) (string, io.Closer) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() != 0 || !strings.HasPrefix(network, "tcp") {
		return address, nil
	}
	var (
		family = syscall.AF_INET6
		where  syscall.Sockaddr
	)
	if ip := at.Addr(); ip.Is4() {
		family, where = syscall.AF_INET, &syscall.SockaddrInet4{Addr: ip.As4()}
	} else if ip.Zone() == "" {
		where = &syscall.SockaddrInet6{Addr: ip.As16()}
	} else {
		return address, nil
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return address, nil
	}
	held := os.NewFile(uintptr(fd), "port")
	// Linux lets two sockets have one address if both say so and none listens yet;
	// package net says so of its listeners.
	if syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) != nil || syscall.Bind(fd, where) != nil {
		held.Close()
		return address, nil
	}
	var port int
	switch bound, _ := syscall.Getsockname(fd); bound := bound.(type) {
	case *syscall.SockaddrInet4:
		port = bound.Port
	case *syscall.SockaddrInet6:
		port = bound.Port
	}
	return netip.AddrPortFrom(at.Addr(), uint16(port)).String(), held
}
