package transport_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// fuzzPeer lets the peer of a pool answer as the fuzzer says, on as many connections as
// the pool makes: no call gets another's answer, each ends with its own time, and when
// the peer behaves again the next calls succeed. In the end no goroutine is left.
func fuzzPeer(f *testing.F, p transport.ServerProtocol) {
	seedSteps(f, peerSteps)
	inBubble(f, func(t *testing.T, s *script) {
		peer := &fuzzedPeer{p: p, script: s}
		pool, call := pooled(t, p, muxpool.WithDialContext(peer.dial), "/t/Echo")
		var own nonces
		var callers sync.WaitGroup
		for range 12 {
			body := own.next(int(peer.byte()))
			callers.Go(func() {
				start := time.Now()
				if err := honestCall(call, body, 3*time.Second); errors.Is(err, errWrongAnswer) || time.Since(start) > 3*time.Second+100*time.Millisecond {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
			})
			time.Sleep(time.Duration(peer.byte()%8) * 5 * time.Millisecond)
		}
		bounded.Wait(t, callers.Wait)
		peer.behave()
		var err error
		for range 30 { // its connections may be ending, and a retry waits for up to a second
			if err = honestCall(call, own.next(1), 2*time.Second); err == nil {
				break
			}
			if errors.Is(err, errWrongAnswer) {
				break
			}
			time.Sleep(time.Second)
		}
		if err != nil {
			t.Errorf("of a peer that behaves: %v", err)
		}
		pool.Close()
		peer.wait()
	})
}

// fuzzedPeer answers as a script says, and rightly when that has ended.
type fuzzedPeer struct {
	p     transport.ServerProtocol
	conns sync.WaitGroup

	mu     sync.Mutex
	script *script
}

const peerSteps = 12

func (p *fuzzedPeer) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.conns.Go(func() { p.serve(far) })
	return near, nil
}

func (p *fuzzedPeer) wait() { p.conns.Wait() }

// behave forgets the rest of the script.
func (p *fuzzedPeer) behave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script.rest = nil
}

// byte is the next byte of the script.
func (p *fuzzedPeer) byte() byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.script.next()
}

// take is the next step, with three bytes for it; false when there are no more.
func (p *fuzzedPeer) take() (op, a, b byte, text []byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.script.done() {
		return 0, 0, 0, nil, false
	}
	op, a, b = p.script.next(), p.script.next(), p.script.next()
	if op%peerSteps == 8 {
		text = p.script.bytes(int(a % 40))
	}
	return op % peerSteps, a, b, text, true
}

// serve is one connection: a frame that came is followed by a step.
func (p *fuzzedPeer) serve(nc net.Conn) {
	defer nc.Close()
	var open [][]byte // requests that were not answered
	var ids []uint32
	write := func(b []byte) {
		_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = nc.Write(b)
	}
	forget := func(i int) { open, ids = append(open[:i:i], open[i+1:]...), append(ids[:i:i], ids[i+1:]...) }
	for {
		id, frame, err := p.p.Parse(nc)
		if err != nil {
			return
		}
		if k, ok := p.p.(transport.RequestClassifier); ok {
			switch k.ClassifyRequest(id, frame) {
			case transport.RequestPing:
				if pong, ok := p.p.(transport.Ponger); ok {
					write(pong.AppendPong(nil, id, frame))
				}
				continue
			case transport.RequestCall:
			default:
				continue
			}
		}
		open, ids = append(open, bytes.Clone(frame)), append(ids, id)
		op, a, b, text, ok := p.take()
		if !ok { // all that is open is answered
			for i := range open {
				write(p.answer(ids[i], open[i], nil))
			}
			open, ids = nil, nil
			continue
		}
		i := int(a) % len(open)
		switch op {
		case 0: // any of those that wait
			write(p.answer(ids[i], open[i], nil))
			forget(i)
		case 1: // twice
			write(append(p.answer(ids[i], open[i], nil), p.answer(ids[i], open[i], nil)...))
			forget(i)
		case 2: // nobody's
			write(p.answer(ids[i]+100_000+uint32(b), open[i], []byte("nobody's")))
		case 3: // not at all, for now
		case 4: // a failure
			write(p.failure(ids[i], open[i]))
			forget(i)
		case 5:
			if g, ok := p.p.(transport.GoingAwayer); ok {
				write(g.AppendGoingAway(nil))
			}
		case 6:
			if s, ok := p.p.(muxpool.Settler); ok {
				write(s.AppendSettings(nil, muxpool.Settings{MaxCalls: int(a), MaxFrameSize: int(b) << 6}))
			}
		case 7: // half, and later the rest
			whole := p.answer(ids[i], open[i], nil)
			cut := len(whole) * int(b) / 256
			write(whole[:cut])
			time.Sleep(time.Duration(a) * 10 * time.Millisecond) // of bubble time
			write(whole[cut:])
			forget(i)
		case 8:
			write(text)
		case 9:
			return
		case 10:
			time.Sleep(time.Duration(a) * 20 * time.Millisecond) // of bubble time
		case 11: // too large for the pool
			write(p.answer(ids[i], open[i], make([]byte, 66<<10)))
			forget(i)
		}
	}
}

// answer is the frame of an answer to a request: its own body, unless another is given.
func (p *fuzzedPeer) answer(id uint32, request, body []byte) []byte {
	var req transport.Message
	if err := p.p.ParseRequest(request, &req); err != nil {
		return nil
	}
	resp := transport.Message{Method: req.Method, Body: req.Body}
	if body != nil {
		resp.Body = body
	}
	frame, err := p.p.AppendResponse(nil, id, &req, &resp)
	if err != nil {
		return nil
	}
	return frame
}

func (p *fuzzedPeer) failure(id uint32, request []byte) []byte {
	var req transport.Message
	if err := p.p.ParseRequest(request, &req); err != nil {
		return nil
	}
	frame, err := p.p.AppendResponse(nil, id, &req, &transport.Message{Method: req.Method, Err: &transport.Error{Code: transport.CodeUnavailable, Message: "no"}})
	if err != nil {
		return nil
	}
	return frame
}

func FuzzPeerNative(f *testing.F) { fuzzPeer(f, native.Protocol{}) }

func FuzzPeerTRPC(f *testing.F) { fuzzPeer(f, trpc.Protocol{}) }
