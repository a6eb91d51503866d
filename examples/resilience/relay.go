package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
)

// relay forwards connections to a node until in ends. Stopped as a process, it is
// the next best thing to a path that swallows packets: bytes leave and nothing
// ever comes back. Unlike on such a path, the kernel of the relay still accepts
// connections and acknowledges bytes, so that only the silence can be noticed.
func relay(address string, in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go forward(nc, address)
		}
	}()
	for lines := bufio.NewScanner(in); lines.Scan(); {
	}
	return nil // and with the process go its connections
}

func forward(from net.Conn, address string) {
	to, err := net.Dial("tcp", address)
	if err != nil {
		from.Close()
		return
	}
	go func() {
		io.Copy(to, from)
		to.Close()
	}()
	io.Copy(from, to)
	from.Close()
}
