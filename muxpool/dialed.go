package muxpool

import (
	"net"
	"reflect"
)

// A connection that the user's function made may panic in any method, or end the goroutine
// that calls it. Where the pool calls
// Read and Write, that is the connection's failure; what else it asks of one, it asks here,
// since those goroutines are not the connection's own.

// noConn reports whether nc is nothing: nil, or a nil pointer of some type.
func noConn(nc net.Conn) bool {
	v := reflect.ValueOf(nc)
	return nc == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

// shut closes nc.
func shut(nc net.Conn) {
	defer func() { _ = recover() }()
	_ = nc.Close()
}

// addressesOf returns what nc says of its two sides, and the text of the peer's; nothing where it
// does not. It asks on another goroutine, which nc may end.
func addressesOf(nc net.Conn) (local, remote net.Addr, at string) {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		defer func() { _ = recover() }()
		local = nc.LocalAddr()
		if remote = nc.RemoteAddr(); remote != nil {
			at = remote.String()
		}
	}()
	<-asked
	return local, remote, at
}

// closeWrite ends the side of nc on which nothing more is sent: under TLS that is the alert
// which tells an end from a cut, a courtesy.
func closeWrite(nc interface{ CloseWrite() error }) {
	defer func() { _ = recover() }()
	_ = nc.CloseWrite()
}
