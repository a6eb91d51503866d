package protocoltest

import (
	"bytes"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// searched is how much of a frame's beginning is tried with every value of each byte.
const searched = 48

// testGarbage checks that nothing that a peer may send makes the protocol panic or
// go on for ever.
func (k *kit) testGarbage(t *testing.T) {
	zeros := make([]byte, 2*limit)
	for _, g := range k.garbage {
		if id, frame, err := k.parse(t, append(bytes.Clone(g), zeros...), false); err == nil {
			t.Errorf("Parse took %.40q for a frame of %d bytes with id %d: it must refuse what is none", g, len(frame), id)
		}
	}
	for _, s := range k.small(t) {
		behind := make([]byte, 64) // what follows a frame whose length was made larger
		bad := append(bytes.Clone(s.bytes), behind...)
		for i, right := range s.bytes {
			values := []byte{0, 1, 0x7f, 0x80, 0xff, right ^ 1}
			if i < searched {
				values = every[:]
			}
			k.guard(t, "the protocol", bad, func() {
				for _, b := range values {
					bad[i] = b
					k.digest(bad)
				}
			})
			bad[i] = right
		}
	}
}

// every is every byte.
var every = func() (all [256]byte) {
	for i := range all {
		all[i] = byte(i)
	}
	return all
}()

// digest drives everything that looks at bytes from a peer.
func (k *kit) digest(b []byte) {
	r := wire.NewReader(bytes.NewReader(b), limit)
	asked := k.question(k.space.Min, k.bodies[0])
	for {
		r.BeginFrame()
		id, frame, err := k.p.Parse(r)
		if f, ok := k.p.(transport.Farewell); ok && err != nil {
			f.AppendFarewell(nil, err)
		}
		if err != nil || r.Consumed() == 0 {
			return
		}
		if c, ok := k.p.(muxpool.FrameClassifier); ok {
			c.ClassifyFrame(id, frame)
		}
		if c, ok := k.p.(transport.RequestClassifier); ok {
			c.ClassifyRequest(id, frame)
		}
		if s, ok := k.p.(muxpool.Settler); ok {
			_, _ = s.ReadSettings(frame)
		}
		resp := *asked
		_ = k.p.ParseResponse(frame, &resp)
		k.digestRequest(id, frame)
	}
}

// digestRequest is what a Service does with a frame.
func (k *kit) digestRequest(id uint32, frame []byte) {
	if k.server == nil {
		return
	}
	requests := [][]byte{frame}
	if b, ok := k.p.(transport.Batcher); ok {
		b.Requests(frame, func(request []byte) bool { requests = append(requests, request); return len(requests) < 100 })
	}
	for _, request := range requests {
		var req transport.Message
		err := k.server.ParseRequest(request, &req)
		req.Body = nil
		if err != nil && !req.OneWay { // as it is answered
			_, _ = k.server.AppendResponse(nil, id, &req, &transport.Message{Err: &transport.Error{Code: transport.CodeInvalidArgument, Message: err.Error()}})
		}
	}
}
