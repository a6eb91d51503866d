package protocoltest

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// limit is the largest frame that the readers of the checks allow, in bytes.
const limit = 256 << 10

// kit is one protocol with what the checks need to know of it.
type kit struct {
	p           transport.Protocol
	server      transport.ServerProtocol // nil if it has no server side
	space       muxpool.IDSpace
	ordered     bool // answers come in order, without ids
	method      string
	bodies      [][]byte
	large       func(bytes int) []byte // nil: the protocol has no large frames
	garbage     [][]byte
	answer      func(dst []byte, id uint32, body []byte) ([]byte, error) // nil: unknown
	errorAnswer func(dst []byte, id uint32) []byte                       // nil: unknown, or the server side's
	handshake   func(net.Conn) error
	session     any // what the protocol's handshake has learned, if that learns something
}

const defaultMethod = "Test.Echo"

func newKit(p transport.Protocol, options []Option) *kit {
	k := &kit{p: p, method: defaultMethod, space: muxpool.IDSpace{Max: math.MaxUint32}}
	k.server, _ = p.(transport.ServerProtocol)
	if s, ok := p.(muxpool.IDSpacer); ok {
		k.space = s.IDSpace()
	}
	for i := range 4 {
		k.bodies = append(k.bodies, fmt.Appendf(nil, `"body %d"`, i))
	}
	k.bodies = append(k.bodies, fmt.Appendf(nil, "%q", bytes.Repeat([]byte("x"), 20<<10)))
	k.large = func(n int) []byte { return fmt.Appendf(nil, "%q", strings.Repeat("y", n)) }
	if _, k.ordered = p.(muxpool.Orderer); k.ordered {
		k.space = muxpool.IDSpace{} // frames bear none: Parse tells 0
	}
	if k.server != nil {
		k.answer = k.serverAnswer
	}
	for _, option := range options {
		option(k)
	}
	return k
}

// serverAnswer answers as the protocol's own server side does.
func (k *kit) serverAnswer(dst []byte, id uint32, body []byte) ([]byte, error) {
	frame, err := k.request(id, body)
	if err != nil {
		return nil, err
	}
	var req transport.Message
	if err := k.server.ParseRequest(frame, &req); err != nil {
		return nil, err
	}
	return k.server.AppendResponse(dst, id, &req, &transport.Message{Method: k.method, Body: body})
}

func (k *kit) request(id uint32, body []byte) ([]byte, error) {
	frame, _, err := k.tagged(id, body)
	return frame, err
}

// tagged is request, and what AppendRequest keeps of it for the answer.
func (k *kit) tagged(id uint32, body []byte) (frame []byte, tag any, err error) {
	req := &transport.Message{Method: k.method, Body: body, Session: k.session}
	frame, err = k.p.AppendRequest(nil, id, req)
	return frame, req.Tag, err
}

// question is the Message that an answer is read into.
func (k *kit) question(id uint32, body []byte) *transport.Message {
	resp := &transport.Message{Method: k.method, Session: k.session}
	if _, needs := k.p.(muxpool.SessionHandshaker); !needs || k.session != nil {
		_, resp.Tag, _ = k.tagged(id, body)
	}
	return resp
}

// ids are those at the ends of the id space, and beside reserved ones.
func (k *kit) ids() []uint32 {
	var ids []uint32
	seen := make(map[uint32]bool)
	for _, id := range []uint32{k.space.Min, k.space.Min + 1, k.space.Min + 2, k.space.Min/2 + k.space.Max/2,
		k.space.Max - 2, k.space.Max - 1, k.space.Max} {
		if !k.reserved(id) && !seen[id] {
			ids = append(ids, id)
			seen[id] = true
		}
	}
	return ids
}

func (k *kit) reserved(id uint32) bool {
	return id < k.space.Min || id > k.space.Max ||
		slices.ContainsFunc(k.space.Reserved, func(r muxpool.IDRange) bool { return r.First <= id && id <= r.Last })
}

// parse reads one frame from b as a pool does, or from a plain io.Reader that
// gives a byte at a time.
func (k *kit) parse(t *testing.T, b []byte, plain bool) (id uint32, frame []byte, err error) {
	t.Helper()
	k.guard(t, "Parse", b, func() {
		if plain {
			id, frame, err = k.p.Parse(&dribble{b})
		} else {
			id, frame, err = k.p.Parse(wire.NewReader(bytes.NewReader(b), limit))
		}
	})
	return id, frame, err
}

// dribble gives one byte at a time.
type dribble struct{ rest []byte }

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(1, len(p))], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// sample is bytes that one side sends: one frame, or the several of an answer.
type sample struct {
	name   string
	answer bool
	id     uint32
	bytes  []byte
	body   []byte // of the request
}

// samples are all that the checks cut: answers where they are known, requests where the
// protocol has a server side, or nothing else is there to cut.
func (k *kit) samples(t *testing.T) (all []sample) {
	t.Helper()
	for _, id := range k.ids() {
		for i, body := range k.bodies {
			frame, err := k.request(id, body)
			if err != nil {
				t.Fatalf("AppendRequest with id %d, body %d: %v", id, i, err)
			}
			if k.server != nil || k.answer == nil {
				all = append(all, sample{fmt.Sprintf("request %d with id %d", i, id), false, id, frame, body})
			}
			if k.answer == nil {
				continue
			}
			if frame, err = k.answer(nil, id, body); err != nil {
				t.Fatalf("the answer to id %d with body %d: %v", id, i, err)
			}
			all = append(all, sample{fmt.Sprintf("answer %d to id %d", i, id), true, id, frame, body})
		}
	}
	return all
}

// small are a short request and a short answer, as far as they are cut.
func (k *kit) small(t *testing.T) (all []sample) {
	t.Helper()
	id := k.ids()[0]
	for _, s := range k.samples(t) {
		if s.id == id && len(all) < 2 && (len(all) == 0 || all[0].answer != s.answer) {
			all = append(all, s)
		}
	}
	if k.errorAnswer != nil {
		all = append(all, sample{"error answer", true, id, k.errorAnswer(nil, id), k.bodies[0]})
	}
	return all
}
