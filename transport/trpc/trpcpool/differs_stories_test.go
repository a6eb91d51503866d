package trpcpool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func twoWithoutID(t *testing.T, s *side) string {
	s.peer.Do(s.hold.Do)
	older := s.open(t, within(t), ask{}, "older")
	newer := s.open(t, within(t), ask{}, "newer")
	return s.whoIsAnswered(t, older, newer)
}

func twoWithOneID(t *testing.T, s *side) string {
	s.peer.Do(s.hold.Do)
	older := s.open(t, within(t), ask{id: 7}, "older")
	newer, err := s.tryOpen(within(t), ask{id: 7}, "newer")
	if err != nil {
		if !errors.Is(err, muxpool.ErrDupRequestID) {
			t.Errorf("the newer: %v", err)
		}
		until(t, "the older has come", func() bool { return s.hold.Len() == 1 })
		s.hold.Release(nil)
		if got, err := read(older); got != "older" || err != nil {
			t.Errorf("the older: %q, %v", got, err)
		}
		return "the newer fails"
	}
	return s.whoIsAnswered(t, older, newer)
}

// whoIsAnswered lets the answers go when both have come.
func (s *side) whoIsAnswered(t *testing.T, older, newer conn) string {
	t.Helper()
	until(t, "both have come", func() bool { return s.hold.Len() == 2 })
	s.hold.Release(nil)
	if got, err := read(newer); got != "newer" || err != nil {
		t.Errorf("the newer: %q, %v", got, err)
	}
	if got, err := read(older); err == nil && got == "older" {
		return "both are answered"
	}
	return "the older fails"
}

func leavesAndAnother(t *testing.T, s *side) string {
	s.peer.Do(s.hold.Do)
	s.open(t, within(t), ask{id: 7}, "of who left").Close()
	until(t, "it has come", func() bool { return s.hold.Len() == 1 })
	next, err := s.tryOpen(within(t), ask{id: 7}, "the next")
	if errors.Is(err, muxpool.ErrDupRequestID) {
		return "the id is not free"
	}
	if err != nil {
		t.Fatal(err)
	}
	until(t, "both have come", func() bool { return s.hold.Len() == 2 })
	s.hold.Release(nil) // the last one first
	own, err := read(next)
	other, otherErr := read(next)
	if err != nil || otherErr != nil || own != "the next" || other != "of who left" {
		t.Errorf("the next: %q, %v, then %q, %v", own, err, other, otherErr)
	}
	return "the next caller gets it"
}

func comparedErrors(t *testing.T, s *side) string {
	s.peer.Do(s.hold.Do)
	ctx, cancel := context.WithCancel(t.Context())
	mc := s.open(t, ctx, ask{id: 1}, "")
	until(t, "it has come", func() bool { return s.hold.Len() == 1 }) // unread, it would have the peer's close be a reset
	cancel()
	_, canceled := mc.Read()
	s.peer.Do(muxtest.Close)
	_, lost := s.open(t, within(t), ask{id: 2}, "").Read()
	if !errors.Is(canceled, context.Canceled) || !errors.Is(lost, io.EOF) {
		t.Errorf("%v; %v", canceled, lost)
	}
	return fmt.Sprintf("canceled %v, EOF %v", canceled == context.Canceled, lost == io.EOF)
}

func sendOnly(t *testing.T, s *side) string {
	s.peer.Do(muxtest.Drop)
	send := func(oneWay bool) {
		t.Helper()
		for id := range uint32(10) {
			s.open(t, within(t), ask{id: id + 1, oneWay: oneWay}, "").Close()
		}
	}
	if s.old { // as often as one likes, with the same ids
		send(false)
		send(false)
		return "nothing is kept"
	}
	send(true)
	none := s.pool.Stats().Nodes[0].Conns[0].Reserved
	send(false)
	return fmt.Sprintf("%d ids are kept, %d with WithOneWay", s.pool.Stats().Nodes[0].Conns[0].Reserved, none)
}

func whichTakesACall(t *testing.T, s *side) string {
	s.make(t, 2, 0)
	if err := first(s.call(within(t), 100)); err != nil {
		t.Fatal(err)
	}
	until(t, "two connections", func() bool { return s.peer.Stats().Open == 2 && (s.old || len(s.pool.Stats().Nodes[0].Conns) == 2) })
	var waits atomic.Pointer[muxtest.Conn]
	s.peer.Do(func(c *muxtest.Conn, _ muxtest.Frame) { waits.Store(c) })
	s.open(t, within(t), ask{id: 101}, "")
	until(t, "one waits", func() bool { return waits.Load() != nil })
	var behind atomic.Int64
	s.peer.Do(func(c *muxtest.Conn, f muxtest.Frame) {
		if c == waits.Load() {
			behind.Add(1)
		}
		muxtest.Echo(c, f)
	})
	for id := range uint32(10) {
		if err := first(s.call(within(t), id+1)); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%d of 10 behind a call that waits", behind.Load())
}

func redialed(t *testing.T, s *side) string {
	if err := first(s.call(within(t), 1)); err != nil {
		t.Fatal(err)
	}
	unused := "redialed"
	s.peer.CloseConns()
	until(t, "it has ended", func() bool {
		if !s.old && s.pool.Stats().Nodes[0].State == muxpool.NodeIdle {
			unused = "left"
			return true
		}
		return s.peer.Stats().Accepted == 2
	})
	s.peer.Do(s.hold.Do)
	until(t, "a call is written", func() bool { _, err := s.tryOpen(within(t), ask{id: 2}, ""); return err == nil })
	until(t, "it has come", func() bool { return s.hold.Len() > 0 })
	before := s.peer.Stats().Accepted
	s.peer.ResetConns()
	until(t, "it is redialed", func() bool { return s.peer.Stats().Accepted > before })
	return "unused: " + unused + "; in use: redialed"
}

// counted is a parser that can be told from others of its type.
type counted struct {
	muxtest.Parser
	frames atomic.Int64
}

func (c *counted) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := c.Parser.Parse(r)
	if err == nil {
		c.frames.Add(1)
	}
	return id, frame, err
}

// TestWrittenSliceMayBeReused: what is written over it after Write is in nobody's frame.
func TestWrittenSliceMayBeReused(t *testing.T) {
	s := newSide(t, false)
	all := make([]muxpool.MuxConn, 100)
	slice := make([]byte, 0, 64)
	for i := range all {
		mc, err := s.get(within(t), "tcp", s.address, ask{parser: muxtest.Parser{}})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = mc.(muxpool.MuxConn)
		frame := muxtest.Frame{Kind: muxtest.Call, ID: all[i].VID(), Body: fmt.Append(nil, i)}
		if err := mc.Write(muxtest.AppendFrame(slice, frame)); err != nil {
			t.Fatal(err)
		}
	}
	for i, mc := range all {
		if got, err := read(mc); got != fmt.Sprint(i) || err != nil {
			t.Errorf("%d: got %q, %v", i, got, err)
		}
	}
}

func twoParsers(t *testing.T, s *side) string {
	one, two := new(counted), new(counted)
	for id, p := range []*counted{one, two} {
		if err := first(read(s.open(t, within(t), ask{id: uint32(id + 1), parser: p}, ""))); err != nil {
			t.Fatal(err)
		}
	}
	switch n := [2]int64{one.frames.Load(), two.frames.Load()}; n {
	case [2]int64{2, 0}:
		return "the first caller's parser"
	case [2]int64{1, 1}:
		return "the own parser"
	default:
		return fmt.Sprint(n)
	}
}

func certificateWithoutCA(t *testing.T, s *side) string {
	authority, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue("client")
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := muxtest.WritePair(t.TempDir(), pair)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begun := make(chan byte, 1)
	go func() {
		var b [1]byte
		if nc, err := l.Accept(); err == nil {
			_, _ = nc.Read(b[:])
			nc.Close()
		}
		begun <- b[0]
	}()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		how := ask{id: 1, parser: muxtest.Parser{}, certificate: certificate, key: key}
		if mc, err := s.get(ctx, "tcp", l.Addr().String(), how); err == nil {
			_ = mc.Write(muxtest.AppendFrame(nil, muxtest.Frame{ID: 1}))
		}
	}()
	b := bounded.Receive(t, begun)
	cancel()
	bounded.Receive(t, ended)
	if b == 22 { // a record of TLS's handshake
		return "TLS"
	}
	return "plaintext"
}

func allFull(t *testing.T, s *side) string {
	s.make(t, 1, 1)
	s.peer.Do(s.hold.Do)
	if s.old {
		for id := range uint32(5) {
			s.open(t, within(t), ask{id: id + 1}, "")
		}
		until(t, "all have come", func() bool { return s.hold.Len() == 5 })
		return fmt.Sprintf("%d connections", s.peer.Stats().Accepted)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 5)
	for id := range uint32(5) {
		go func() { ended <- first(s.call(ctx, id+1)) }()
	}
	defer func() {
		cancel()
		for range 5 {
			bounded.Receive(t, ended)
		}
	}()
	until(t, "all wait", func() bool {
		all := s.pool.Stats().Nodes
		return len(all) == 1 && all[0].Waiting == 4 && s.hold.Len() == 1
	})
	return fmt.Sprintf("%d connection, %d wait", s.peer.Stats().Accepted, s.pool.Stats().Nodes[0].Waiting)
}
