package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// pieceByPiece is a MuxConn on which an answer comes in frames. It notes how many were read when
// it was told to gather them.
type pieceByPiece struct {
	frames   [][]byte
	most     int // bytes of an answer in several frames
	read     int
	gathered []int
	written  [][]byte
}

func (p *pieceByPiece) Read() ([]byte, error) {
	if p.read == len(p.frames) {
		return nil, io.EOF
	}
	p.read++
	return bytes.Clone(p.frames[p.read-1]), nil
}

func (p *pieceByPiece) Gather()            { p.gathered = append(p.gathered, p.read) }
func (p *pieceByPiece) MaxFrameSize() int  { return 1 << 20 }
func (p *pieceByPiece) MaxAnswerSize() int { return p.most }
func (p *pieceByPiece) Write(b []byte) error {
	p.written = append(p.written, bytes.Clone(b))
	return nil
}
func (p *pieceByPiece) VID() uint32          { return 7 }
func (p *pieceByPiece) LocalAddr() net.Addr  { return pipeAddr{} }
func (p *pieceByPiece) RemoteAddr() net.Addr { return pipeAddr{} }
func (p *pieceByPiece) Close()               {}

// TestAnswersInPieces: what comes in several frames is gathered from the first on, and counted, up
// to the limit, which a single frame does not have.
func TestAnswersInPieces(t *testing.T) {
	const size = 100 // of a frame
	answer := func(pieces int) (frames [][]byte) {
		for i := range pieces {
			frame, err := native.Protocol{}.AppendResponse(nil, 7, &transport.Message{}, &transport.Message{})
			if err != nil {
				t.Fatal(err)
			}
			frame, err = native.Protocol{}.AppendResponse(nil, 7, &transport.Message{}, &transport.Message{Body: make([]byte, size-len(frame))})
			if err != nil {
				t.Fatal(err)
			}
			if i < pieces-1 {
				frame[6] |= 0x08 // others follow
			}
			frames = append(frames, frame)
		}
		return frames
	}
	for _, row := range []struct {
		pieces, most int
		gathered     []int
		refused      bool
	}{
		{1, 1000, nil, false},
		{2, 1000, []int{1}, false},
		{3, 1000, []int{1}, false},
		{1, size - 1, nil, false},
		{2, 2 * size, []int{1}, false},
		{2, 2*size - 1, []int{1}, true},
		{3, 3*size - 1, []int{1}, true},
	} {
		mc := &pieceByPiece{frames: answer(row.pieces), most: row.most}
		pool := getFunc(func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) { return mc, nil })
		var bytesRead any
		_, err := transport.NewClient(pool, pipeNode, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes,
			transport.ClientFinalizer(func(ctx context.Context, _ error) { bytesRead = ctx.Value(transport.ContextKeyResponseBytes) })).
			Endpoint()(testContext(t), []byte{})
		if errors.Is(err, muxpool.ErrFrameTooLarge) != row.refused || !row.refused && err != nil {
			t.Errorf("%d pieces where %d bytes are allowed: %v", row.pieces, row.most, err)
		}
		if !slices.Equal(mc.gathered, row.gathered) {
			t.Errorf("%d pieces were gathered from piece %v on, want %v", row.pieces, mc.gathered, row.gathered)
		}
		left := len(mc.written) == 2 && bytes.Equal(mc.written[1], native.Protocol{}.AppendCancel(nil, 7))
		if left != row.refused || len(mc.written) > 1 && !left {
			t.Errorf("%d pieces where %d bytes are allowed: after the request the peer is told %x", row.pieces, row.most, mc.written[1:])
		}
		if want := row.pieces * size; !row.refused && bytesRead != want {
			t.Errorf("of %d pieces %v bytes are told, want %d", row.pieces, bytesRead, want)
		}
	}
}

// unpacked is the native protocol with answers that unpack to so many bytes.
type unpacked struct {
	native.Protocol
	size int64
}

func (p unpacked) ParseResponse(frame []byte, resp *transport.Message) error {
	if err := p.Protocol.ParseResponse(frame, resp); err != nil {
		return err
	}
	return resp.Unpack(4<<20, func() (io.Reader, error) { return io.LimitReader(zeros{}, p.size), nil })
}

// TestUnpackedAnswersAreBounded: they are no larger than a frame may be, where the pool says how large
// that is; else the protocol's own limit holds.
func TestUnpackedAnswersAreBounded(t *testing.T) {
	frame, err := native.Protocol{}.AppendResponse(nil, 7, &transport.Message{}, &transport.Message{Body: []byte("packed")})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		size    int64
		limited bool // the pool tells
		refused bool
	}{{1 << 20, true, false}, {1<<20 + 1, true, true}, {1<<20 + 1, false, false}, {4 << 20, false, false}, {4<<20 + 1, false, true}} {
		var mc muxpool.MuxConn = &pieceByPiece{frames: [][]byte{frame}}
		if !row.limited {
			mc = struct{ muxpool.MuxConn }{mc}
		}
		pool := getFunc(func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) { return mc, nil })
		got, err := transport.NewClient(pool, pipeNode, unpacked{size: row.size}, "M", transport.EncodeBytes, transport.DecodeBytes).Endpoint()(testContext(t), []byte{})
		switch {
		case row.refused && !errors.Is(err, muxpool.ErrFrameTooLarge):
			t.Errorf("%d bytes: %v, want that they are too many", row.size, err)
		case !row.refused && (err != nil || int64(len(got.([]byte))) != row.size):
			t.Errorf("%d bytes: %v", row.size, err)
		}
	}
}

// TestAnswersThatMakeNoSense: what the protocol cannot read is no answer, be it behind a good beginning of one.
func TestAnswersThatMakeNoSense(t *testing.T) {
	begun, err := native.Protocol{}.AppendResponse(nil, 7, &transport.Message{}, &transport.Message{Body: []byte("begun")})
	if err != nil {
		t.Fatal(err)
	}
	begun[6] |= 0x08 // others follow
	for name, frames := range map[string][][]byte{"at once": {request(t, 7, "M", "x")}, "behind a piece": {begun, request(t, 7, "M", "x")}} {
		mc := &pieceByPiece{frames: frames, most: 1000}
		pool := getFunc(func(context.Context, string, string, muxpool.GetOptions) (muxpool.MuxConn, error) { return mc, nil })
		got, err := rawClient(pool, pipeNode, "M")(testContext(t), []byte{})
		if err == nil {
			t.Errorf("%s: it is answered with %q", name, got)
		} else if e := asError(t, err); e.Code != transport.CodeBadResponse || e.Remote {
			t.Errorf("%s: %v", name, err)
		}
	}
}
