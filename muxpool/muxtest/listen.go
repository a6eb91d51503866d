package muxtest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
)

// listen is what Up needs to open a listener again.
type listen struct {
	network, address string
	config           *tls.Config
	port             io.Closer // nil, or keeps the port while the peer is down
}

func (l listen) free() {
	if l.port != nil {
		l.port.Close()
	}
}

// Listen serves on a real socket: network is "tcp", "tcp4", "tcp6", "unix",
// "udp", "udp4" or "udp6"; with a config it speaks TLS. It returns the address
// that it listens on, which Up uses again after Down.
func (p *Peer) Listen(network, address string, config *tls.Config) (string, error) {
	address, port := reserve(network, address)
	l := listen{network, address, config, port}
	address, err := p.open1(l)
	if err != nil {
		l.free()
		return "", err
	}
	l.address = address
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listens = append(p.listens, l)
	return address, nil
}

func (p *Peer) open1(l listen) (string, error) {
	if strings.HasPrefix(l.network, "udp") {
		pc, err := net.ListenPacket(l.network, l.address)
		if err != nil {
			return "", err
		}
		return pc.LocalAddr().String(), p.opened(pc, func() { p.packetLoop(pc) })
	}
	ln, err := net.Listen(l.network, l.address)
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), p.opened(ln, func() { p.acceptLoop(ln, l.config) })
}

// opened keeps s until Down and runs its loop.
func (p *Peer) opened(s io.Closer, loop func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.down {
		s.Close()
		return fmt.Errorf("muxtest: the peer is down: %w", net.ErrClosed)
	}
	p.open = append(p.open, s)
	p.wg.Go(loop)
	return nil
}

func (p *Peer) acceptLoop(ln net.Listener, config *tls.Config) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		if config != nil {
			nc = tls.Server(nc, config)
		}
		c := newConn(p, nc, nc.Write)
		if !p.accept(c, c.serve) {
			nc.Close()
		}
	}
}

// packetLoop reads datagrams, one frame each. A source address is a Conn from
// its first frame until the socket closes.
func (p *Peer) packetLoop(pc net.PacketConn) {
	conns := make(map[string]*Conn)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			return
		}
		f, err := DecodeFrame(append([]byte(nil), b[:n]...))
		if err != nil {
			p.malformed.Add(1)
			continue
		}
		c := conns[from.String()]
		if c == nil || c.ended() {
			c = newConn(p, nil, func(b []byte) (int, error) { return pc.WriteTo(b, from) })
			if !p.accept(c, func() { <-c.done }) {
				return
			}
			conns[from.String()] = c
		}
		c.handle(f)
	}
}
