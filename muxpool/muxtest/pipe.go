package muxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

// DialContext connects to the peer in memory, over a net.Pipe: nothing is
// buffered, so a write waits until it is read. It is made for
// muxpool.WithDialContext and works inside a testing/synctest bubble.
func (p *Peer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	p.mu.Lock()
	n, hook := p.dialed, p.onDial
	p.dialed++
	p.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, n); err != nil {
			return nil, dialError(network, address, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, dialError(network, address, err)
	}
	near, far := net.Pipe()
	end := &pipeEnd{Conn: near, local: addr{network, fmt.Sprintf("local#%d", n)}, remote: addr{network, address}}
	c := newConn(p, far, far.Write)
	c.reset = &end.reset
	end.peer = c
	if !p.accept(c, c.serve) {
		return nil, dialError(network, address, syscall.ECONNREFUSED)
	}
	return end, nil
}

// Network is a set of peers in memory, by address.
type Network map[string]*Peer

// DialContext connects to the peer at address, as Peer.DialContext does.
func (n Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if p := n[address]; p != nil {
		return p.DialContext(ctx, network, address)
	}
	return nil, dialError(network, address, syscall.EHOSTUNREACH)
}

func dialError(network, address string, err error) error {
	return &net.OpError{Op: "dial", Net: network, Addr: addr{network, address}, Err: err}
}

// addr is the address of an end in memory.
type addr struct{ network, address string }

func (a addr) Network() string { return a.network }
func (a addr) String() string  { return a.address }

// pipeEnd is the caller's end: a net.Pipe with addresses, that can be reset, and
// whose Close ends the peer's Conn even while the peer does not read.
type pipeEnd struct {
	net.Conn
	local, remote addr
	reset         atomic.Bool
	peer          *Conn
}

func (e *pipeEnd) LocalAddr() net.Addr  { return e.local }
func (e *pipeEnd) RemoteAddr() net.Addr { return e.remote }

func (e *pipeEnd) Read(b []byte) (int, error) {
	n, err := e.Conn.Read(b)
	return n, e.cause("read", err)
}

func (e *pipeEnd) Write(b []byte) (int, error) {
	n, err := e.Conn.Write(b)
	return n, e.cause("write", err)
}

func (e *pipeEnd) Close() error {
	err := e.Conn.Close()
	e.peer.Close()
	return err
}

// cause says reset where the pipe only says that it is closed.
func (e *pipeEnd) cause(op string, err error) error {
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
	if ended && e.reset.Load() {
		err = &net.OpError{Op: op, Net: e.remote.network, Addr: e.remote, Err: syscall.ECONNRESET}
	}
	return err
}
