package houseprotocol_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/muxkit/muxkit/examples/houseprotocol"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// login is the house protocol behind a greeting: each connection begins with a line that
// names who is there. Its fields are a part of the pool's key: connections are shared by
// those who have the same name and secret, and by nobody else.
type login struct {
	houseprotocol.Protocol
	Name, Secret string
}

// Handshake implements muxpool.Handshaker. It reads no byte behind the peer's line: the
// first frame may follow in the same packet.
func (p login) Handshake(_ context.Context, nc net.Conn) error {
	if _, err := fmt.Fprintf(nc, "%s %s\n", p.Name, p.Secret); err != nil {
		return err
	}
	line, err := readLine(nc)
	if err == nil && line != "welcome" { // no other node would say otherwise
		err = verdict.Tell(errors.New(line), verdict.ByCode(verdict.CodeUnauthenticated))
	}
	return err
}

// ServerHandshake implements transport.ServerHandshaker.
func (p login) ServerHandshake(_ context.Context, nc net.Conn) error {
	line, err := readLine(nc)
	if err != nil {
		return err
	}
	if line != p.Name+" "+p.Secret {
		fmt.Fprintln(nc, "who are you?")
		return errors.New("a wrong password")
	}
	_, err = fmt.Fprintln(nc, "welcome")
	return err
}

// readLine reads a byte at a time, so that it reads nothing else.
func readLine(nc net.Conn) (string, error) {
	var line strings.Builder
	for b := make([]byte, 1); ; {
		if _, err := nc.Read(b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return line.String(), nil
		}
		line.WriteByte(b[0])
	}
}

// A handshake with credentials, and what a caller with the wrong ones gets.
func Example_login() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := transport.NewService(login{Name: "ann", Secret: "right"})
	s.Handle("Echo", transport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil },
		transport.DecodeJSON[string], transport.EncodeJSON))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	defer func() { s.Close(); <-ended }()

	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	for _, secret := range []string{"right", "wrong"} {
		echo := transport.NewClient(pool, node, login{Name: "ann", Secret: secret}, "Echo", transport.EncodeJSON, transport.DecodeJSON[string]).Endpoint()
		answer, err := echo(context.Background(), "hello")
		fmt.Printf("%s: %v, %v\n", secret, answer, verdict.Of(err))
	}
	// Output:
	// right: hello, ok
	// wrong: <nil>, unauthenticated: caller, not sent
}
