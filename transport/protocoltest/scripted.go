package protocoltest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// stage drives a Client of a protocol without a server side against a scripted peer, which
// is made of what AppendRequest makes: it knows each request's bytes, id and body before
// they come, so that it need not understand them.
type stage struct {
	k    *kit
	t    *testing.T
	pool *muxpool.Multiplexed
	node transport.Node
	act  func(c *Conn, r sent) bool // what the peer does with a request; false: it hangs up

	mu   sync.Mutex // held while a frame is queued, so that wire has the order of the wire
	wire chan sent
}

// sent is a request that was queued.
type sent struct {
	id          uint32
	frame, body []byte
}

func (k *kit) newStage(t *testing.T, act func(c *Conn, r sent) bool) *stage {
	t.Helper()
	pool, err := muxpool.New(muxpool.WithConnectNumber(1))
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{k: k, t: t, pool: pool, act: act, wire: make(chan sent, 1024)}
	s.node = Serve(t, s.script)
	t.Cleanup(func() { pool.Close(); close(s.wire) }) // before the peer's own
	return s
}

// script is the peer's life on a connection.
func (s *stage) script(c *Conn) {
	if s.k.handshake != nil {
		if err := s.k.handshake(c.Conn); err != nil {
			s.t.Errorf("the peer's part of the handshake: %v", err)
			return
		}
	}
	if _, ok := s.k.p.(muxpool.Settler); ok {
		if _, _, err := c.Frame(s.k.p); err != nil {
			s.t.Errorf("the settings do not come: %v", err)
			return
		}
	}
	for r := range s.wire {
		b, err := c.Next(len(r.frame))
		if err != nil || !bytes.Equal(b, r.frame) {
			s.t.Errorf("AppendRequest made %.60q, the peer got %.60q, %v", r.frame, b, err)
			return
		}
		if !s.act(c, r) {
			return
		}
	}
}

type bodyKey struct{}

// GetMuxConn implements muxpool.Pool: it tells the peer what is sent.
func (s *stage) GetMuxConn(ctx context.Context, network, address string, opts muxpool.GetOptions) (muxpool.MuxConn, error) {
	mc, err := s.pool.GetMuxConn(ctx, network, address, opts)
	if err != nil {
		return nil, err
	}
	body, _ := ctx.Value(bodyKey{}).([]byte)
	return &telling{mc, s, body}, nil
}

type telling struct {
	muxpool.MuxConn
	stage *stage
	body  []byte
}

// Session implements muxpool.Sessioned.
func (c *telling) Session() any { return c.MuxConn.(muxpool.Sessioned).Session() }

func (c *telling) Write(b []byte) error {
	c.stage.mu.Lock()
	defer c.stage.mu.Unlock()
	r := sent{c.VID(), bytes.Clone(b), c.body}
	err := c.MuxConn.Write(b)
	if err == nil {
		c.stage.wire <- r
	}
	return err
}

// call makes a call with body.
func (s *stage) call(body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(s.t.Context(), bodyKey{}, body), waitTime)
	defer cancel()
	c := transport.NewClient(s, s.node, s.k.p, s.k.method, transport.EncodeBytes, transport.DecodeBytes)
	got, err := c.Endpoint()(ctx, body)
	b, _ := got.([]byte)
	return b, err
}

// want is the body of the answer to a call with body.
func (s *stage) want(t *testing.T, body []byte) []byte {
	t.Helper()
	id := s.k.ids()[0]
	resp, err := s.k.response(t, sample{"an answer", true, id, s.k.answerTo(t, sent{id: id, body: body}), body})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Body
}

func (k *kit) answerTo(t *testing.T, r sent) []byte {
	b, err := k.answer(nil, r.id, r.body)
	if err != nil {
		t.Errorf("the answer to id %d: %v", r.id, err)
	}
	return b
}

// expect makes a call and compares its answer.
func (s *stage) expect(t *testing.T, body []byte) bool {
	t.Helper()
	want := s.want(t, body)
	got, err := s.call(body)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("a call with %.60q got %.60q, %v, want %.60q", body, got, err, want)
		return false
	}
	return true
}

// testScripted plays the peer.
func (k *kit) testScripted(t *testing.T) {
	if k.answer == nil {
		t.Skip("the peer is not played: tell with protocoltest.Answer how it answers")
	}
	if _, ok := k.p.(muxpool.Handshaker); ok && k.handshake == nil {
		t.Skip("the peer is not played: tell with protocoltest.PeerHandshake what it does before the first call")
	}
	inTurn(t, []check{
		{"round trips", k.scriptRoundTrips},
		{"out of order and in pieces", k.scriptOutOfOrder},
		{"error answers", k.scriptErrors},
		{"the peer hangs up", k.scriptHangUp},
	})
}

func (k *kit) scriptRoundTrips(t *testing.T) {
	s := k.newStage(t, func(c *Conn, r sent) bool {
		_, err := c.Write(k.answerTo(t, r))
		return err == nil
	})
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for j := range 10 {
				if !s.expect(t, k.bodies[(i+j)%len(k.bodies)]) {
					return
				}
			}
		})
	}
	callers.Wait()
}

// scriptOutOfOrder answers four calls in the reverse order, a byte at a time, the last of
// them twice; or, if the protocol has no ids, in their order, and once.
func (k *kit) scriptOutOfOrder(t *testing.T) {
	const calls = 4
	var held []sent
	s := k.newStage(t, func(c *Conn, r sent) bool {
		if held = append(held, r); len(held) < calls {
			return true
		}
		for i := range held {
			next := len(held) - 1 - i
			if k.ordered {
				next = i
			}
			answer := k.answerTo(t, held[next])
			if i == 0 && !k.ordered {
				answer = append(answer, answer...)
			}
			for j := range answer {
				if j < 200 {
					_, _ = c.Write(answer[j : j+1])
				}
			}
			_, _ = c.Write(answer[min(len(answer), 200):])
		}
		held = nil
		return true
	})
	for range 2 {
		var callers sync.WaitGroup
		for i := range calls {
			callers.Go(func() { s.expect(t, k.bodies[i%len(k.bodies)]) })
		}
		callers.Wait()
		if t.Failed() {
			return
		}
	}
}

func (k *kit) scriptErrors(t *testing.T) {
	if k.errorAnswer == nil {
		t.Skip("tell with protocoltest.ErrorAnswer how the peer answers with an error")
	}
	fails := true
	s := k.newStage(t, func(c *Conn, r sent) bool {
		answer := k.answerTo(t, r)
		if fails {
			answer = k.errorAnswer(nil, r.id)
		}
		fails = !fails
		_, err := c.Write(answer)
		return err == nil
	})
	for range 3 {
		var e *transport.Error
		if _, err := s.call(k.bodies[0]); !errors.As(err, &e) || !e.Remote {
			t.Fatalf("an error answer ended a call with %v (%T), not with an *Error from the peer", err, err)
		}
		if !s.expect(t, k.bodies[1%len(k.bodies)]) {
			return
		}
	}
	if n := s.pool.Stats().Dials; n != 1 {
		t.Errorf("%d dials: an error answer cost the connection", n)
	}
}

// scriptHangUp ends every other connection in the middle of an answer.
func (k *kit) scriptHangUp(t *testing.T) {
	hangUp := true
	s := k.newStage(t, func(c *Conn, r sent) bool {
		answer := k.answerTo(t, r)
		if hangUp = !hangUp; hangUp {
			_, err := c.Write(answer)
			return err == nil
		}
		_, _ = c.Write(answer[:len(bytes.TrimRight(answer, " \r\n"))-1])
		return false
	})
	if got, err := s.call(k.bodies[0]); err == nil {
		t.Fatalf("of an answer without its last byte a call got %.60q: half an answer is none", got)
	}
	s.expect(t, k.bodies[0])
}
