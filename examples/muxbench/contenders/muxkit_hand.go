package contenders

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/deadline"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// muxkitHand is what one would write in the place of muxkit's Client and Server for
// this one method: frames of the native protocol, the time left on the wire, and for
// each request a goroutine and a context that ends at its deadline. It has no hooks, no
// codecs, no endpoints, no bounds, no cancellation, and no errors that say anything. It
// tells how far muxkit's are from what is possible on the pool.
type muxkitHand struct {
	muxkitService      // the server, unless both
	both          bool // the server is by hand too
}

func (m muxkitHand) Info() harness.Info {
	info := harness.Info{
		Name:     MuxkitHandClient,
		About:    "a client written by hand on the pool, without hooks, codecs, endpoints, errors, for muxkit's own server: the limit of Client",
		Contexts: true,
		Variant:  true,
		Nets:     harness.AllNets,
	}
	if m.both {
		info.Name, info.About = MuxkitByHand, "the same, and a server by hand: a goroutine, a context, a copied method name for each request"
	}
	return info
}

func (m muxkitHand) Dial(env harness.Env) (harness.Client, error) {
	pool, opts, err := newMuxkitPool(env)
	if err != nil {
		return nil, err
	}
	opts.WithFrameParser(native.Protocol{})
	network := env.Network()
	return harness.ClientFunc(func(int) (harness.Call, error) {
		h := handCaller{frame: make([]byte, 0, 64+env.Size), req: transport.Message{Method: muxkitMethod}}
		return func(ctx context.Context, payload []byte, check harness.Check) error {
			mc, err := pool.GetMuxConn(ctx, network, env.Addr, opts)
			if err != nil {
				return err
			}
			defer mc.Close()
			return h.call(ctx, mc, payload, check)
		}, nil
	}), nil
}

// handCaller is what a caller uses for all its calls.
type handCaller struct {
	frame     []byte // memory for a request's
	req, resp transport.Message
}

func (h *handCaller) call(ctx context.Context, mc muxpool.MuxConn, payload []byte, check harness.Check) error {
	if d, ok := ctx.Deadline(); ok {
		h.req.Timeout = time.Until(d)
	}
	h.req.Body = payload
	frame, err := native.Protocol{}.AppendRequest(h.frame, mc.VID(), &h.req)
	if err != nil {
		return err
	}
	if err := mc.Write(frame); err != nil {
		return err
	}
	answer, err := mc.Read()
	if err != nil {
		return err
	}
	defer muxpool.Release(answer)
	if err := (native.Protocol{}).ParseResponse(answer, &h.resp); err != nil {
		return err
	}
	return check(h.resp.Body)
}

func (m muxkitHand) Serve(env harness.Env) (string, error) {
	if m.both {
		return env.ServeEach(serveByHand)
	}
	return m.muxkitService.Serve(env)
}

// handCall is one request on a server.
type handCall struct {
	ctx       context.Context
	id        uint32
	frame     []byte
	req, resp transport.Message
}

var handCalls = sync.Pool{New: func() any { return new(handCall) }}

// serveByHand serves one connection until it ends.
func serveByHand(nc net.Conn) {
	defer nc.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w := wire.NewWriter(nc, wire.WriterConfig{MaxFrames: 1 << 16})
	source := w.NewSource()
	r := wire.NewReader(source, echoFrameMax)
	for {
		r.BeginFrame()
		id, frame, err := native.Protocol{}.Parse(r)
		if err != nil {
			return
		}
		if (native.Protocol{}).ClassifyRequest(id, frame) != transport.RequestCall { // the client's settings, and pings
			muxpool.Release(frame)
			continue
		}
		call := handCalls.Get().(*handCall)
		call.id, call.frame = id, frame
		if err := (native.Protocol{}).ParseRequest(frame, &call.req); err != nil || call.req.Method != muxkitMethod {
			return
		}
		var end time.Time // none
		if call.req.Timeout > 0 {
			end = time.Now().Add(call.req.Timeout)
		}
		var done context.CancelFunc
		call.ctx, done = deadline.WithDeadline(ctx, end)
		w.InFlight.Add(1)
		source.Woke()
		go func() {
			defer done()
			call.answer(w)
			w.InFlight.Add(-1)
		}()
	}
}

// answer answers an echo, unless its time is over.
func (h *handCall) answer(w *wire.Writer) {
	if h.ctx.Err() == nil {
		h.resp.Body = h.req.Body
		answer, _ := native.Protocol{}.AppendResponse(wire.Alloc(len(h.frame))[:0], h.id, &h.req, &h.resp)
		_, _ = w.WriteOwned(nil, answer) // if it fails, so does reading
	}
	muxpool.Release(h.frame)
	*h = handCall{}
	handCalls.Put(h)
}
