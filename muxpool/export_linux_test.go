//go:build !386

package muxpool

import "net"

// HungUp lets tests ask what a pool asks.
func HungUp(nc net.Conn) bool { return newPeeker(nc).hungUp() }
