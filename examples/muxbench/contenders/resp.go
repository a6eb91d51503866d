package contenders

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// A RESP server that knows ECHO and what a client says on connecting. It serves
// inline, as echo.go does: the answers to all that arrived in one read go back
// in one write.

func serveRESP(env harness.Env) (string, error) {
	return env.ServeEach(respConn)
}

func respConn(nc net.Conn) {
	defer nc.Close()
	in, out := make([]byte, echoBufferMin), []byte(nil)
	var args [][]byte
	end := 0 // in[:end] came in and is not answered
	for {
		n, err := nc.Read(in[end:])
		if err != nil {
			return
		}
		end += n
		full := end == len(in)
		out = out[:0]
		rest := in[:end]
		for {
			var next []byte
			args, next, err = parseCommand(args[:0], rest)
			if err != nil {
				break
			}
			out = appendAnswer(out, args)
			rest = next
		}
		if !errors.Is(err, io.ErrShortBuffer) {
			return
		}
		if len(out) > 0 {
			if _, err := nc.Write(out); err != nil {
				return
			}
		}
		end = copy(in, rest)
		if full && (len(in) < echoBufferMax || end == len(in)) {
			in = append(in, make([]byte, len(in))...)
		}
	}
}

var errRESP = errors.New("not a RESP array of bulk strings")

// parseCommand appends a command's words to args and returns what follows it.
// While b does not hold it whole the error is io.ErrShortBuffer.
func parseCommand(args [][]byte, b []byte) (words [][]byte, rest []byte, err error) {
	n, b, err := parseCount(b, '*')
	for ; n > 0 && err == nil; n-- {
		var size int
		if size, b, err = parseCount(b, '$'); err != nil {
			break
		}
		if len(b) < size+2 {
			return args, nil, io.ErrShortBuffer
		}
		args, b = append(args, b[:size]), b[size+2:]
	}
	return args, b, err
}

// parseCount parses a line of mark and number.
func parseCount(b []byte, mark byte) (n int, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, io.ErrShortBuffer
	}
	if b[0] != mark {
		return 0, nil, errRESP
	}
	for i, c := range b[1:] {
		if c == '\r' {
			if len(b) < i+3 {
				return 0, nil, io.ErrShortBuffer
			}
			return n, b[i+3:], nil
		}
		if c < '0' || c > '9' || n > 1<<24 {
			return 0, nil, errRESP
		}
		n = n*10 + int(c-'0')
	}
	return 0, nil, io.ErrShortBuffer
}

func appendAnswer(out []byte, args [][]byte) []byte {
	switch {
	case len(args) == 2 && bytes.EqualFold(args[0], []byte("ECHO")):
		out = append(out, '$')
		out = strconv.AppendInt(out, int64(len(args[1])), 10)
		out = append(out, "\r\n"...)
		out = append(out, args[1]...)
		return append(out, "\r\n"...)
	case len(args) > 0 && bytes.EqualFold(args[0], []byte("HELLO")):
		return append(out, "%3\r\n+server\r\n+redis\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n"...)
	case len(args) > 0 && bytes.EqualFold(args[0], []byte("PING")):
		return append(out, "+PONG\r\n"...)
	default:
		return append(out, "+OK\r\n"...)
	}
}
