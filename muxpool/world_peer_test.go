package muxpool

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// worldPeer answers when told to. got is owned by its goroutine until Wait.
type worldPeer struct {
	ours net.Conn // what the pool has
	nc   net.Conn
	got  [][]byte
}

func (w *world) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	w.mu.Lock()
	how := w.dials
	w.mu.Unlock()
	switch how {
	case 1:
		return nil, errors.New("refused")
	case 2:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if w.slow > 0 {
		time.Sleep(w.slow) // of bubble time
	}
	ours, theirs := net.Pipe()
	p := &worldPeer{ours: ours, nc: theirs}
	w.mu.Lock()
	w.peers = append(w.peers, p)
	w.mu.Unlock()
	if how == 3 {
		return ours, nil
	}
	go func() {
		for {
			frame := make([]byte, worldLen)
			if _, err := io.ReadFull(theirs, frame); err != nil {
				return
			}
			p.got = append(p.got, frame)
		}
	}()
	return ours, nil
}
