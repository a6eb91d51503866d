package contenders

import (
	"net"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// The echo server of all contenders that use the frame of frame.go. It serves
// inline: what arrived in one read is cut into frames, and all that are whole go
// back in one write.

const (
	echoBufferMin = 4 << 10
	echoBufferMax = 512 << 10
	echoFrameMax  = 16 << 20 // whoever sends a larger one is disconnected
)

// serveFrames starts the echo server and returns its address.
func serveFrames(env harness.Env) (string, error) { return ServeConns(env, WholeFrames) }

// ServeConns starts a server that answers on each connection with the bytes
// that it got, as many of them as answerable says.
func ServeConns(env harness.Env, answerable func([]byte) int) (string, error) {
	return env.ServeEach(func(nc net.Conn) { echo(nc, answerable) })
}

// echo serves one connection until it ends. Its buffer grows while reads fill
// it, so that a connection of one caller stays small.
func echo(nc net.Conn, answerable func([]byte) int) {
	defer nc.Close()
	buf := make([]byte, echoBufferMin)
	end := 0 // buf[:end] came in and is not answered
	for {
		n, err := nc.Read(buf[end:])
		if err != nil {
			return
		}
		end += n
		full := end == len(buf)
		if n := answerable(buf[:end]); n > 0 {
			if _, err := nc.Write(buf[:n]); err != nil {
				return
			}
			end = copy(buf, buf[n:end])
		}
		if end > echoFrameMax {
			return
		}
		if full && (len(buf) < echoBufferMax || end == len(buf)) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}
