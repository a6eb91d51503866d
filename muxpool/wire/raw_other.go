//go:build !unix

package wire

import "net"

// rawWriter does not exist here: every write goes to the flusher goroutine.
type rawWriter struct{}

func newRawWriter(net.Conn) *rawWriter { return nil }

func (*rawWriter) write([]byte) (int, error) { panic("BUG: no raw writer on this system") }
