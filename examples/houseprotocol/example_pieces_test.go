package houseprotocol_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// pieces is a protocol for clients alone, whose header is not of one size, and whose
// answers have several frames.
//
//	| length of what follows, a varint | id u32 | 1 if more frames follow, else 0 | body |
type pieces struct{}

// Parse implements muxpool.FrameParser. It looks at one byte more until the length is
// there: Peek consumes nothing, and waits for no byte that it was not asked for.
func (pieces) Parse(r io.Reader) (uint32, []byte, error) {
	fr := transport.AsFrameReader(r)
	for n := 1; ; n++ {
		head, err := fr.Peek(n)
		if err != nil {
			return 0, nil, err
		}
		length, size := binary.Uvarint(head)
		switch {
		case size < 0 || n > binary.MaxVarintLen32:
			return 0, nil, errors.New("pieces: a length that is none")
		case size == 0:
			continue
		case length < 5 || length > math.MaxInt32:
			return 0, nil, fmt.Errorf("pieces: a frame of %d bytes", length)
		}
		frame, err := transport.ReadFrame(fr, size, func([]byte) (int, error) { return size + int(length), nil })
		if err != nil {
			return 0, nil, err
		}
		return binary.BigEndian.Uint32(frame[size:]), frame, nil
	}
}

// cut returns what a frame has behind its id.
func cut(frame []byte) (more bool, body []byte) {
	_, size := binary.Uvarint(frame)
	return frame[size+4] == 1, frame[size+5:]
}

// ClassifyFrame implements muxpool.FrameClassifier.
func (pieces) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind {
	if more, _ := cut(frame); more {
		return muxpool.FrameMore
	}
	return muxpool.FrameLast
}

// AppendRequest implements transport.Protocol.
func (pieces) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendPiece(dst, id, 0, string(req.Body)), nil
}

func appendPiece(dst []byte, id uint32, more byte, body string) []byte {
	dst = binary.AppendUvarint(dst, uint64(5+len(body)))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(append(dst, more), body...)
}

// ParseResponse implements transport.Protocol. It is called for each frame of an answer
// with the same resp, whose Tag is its own to count in. The frames stay as they are, and
// are no others' memory, until the decode function returns, so that bodies may lie in them.
func (pieces) ParseResponse(frame []byte, resp *transport.Message) error {
	parts, _ := resp.Tag.([][]byte)
	more, body := cut(frame)
	parts = append(parts, body)
	if resp.Tag = parts; more {
		return nil
	}
	for _, part := range parts {
		resp.Body = append(resp.Body, part...)
	}
	return nil
}

// A header of no fixed size, and an answer of three frames.
func Example_pieces() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go func() { // the peer: it answers one request
		nc, err := l.Accept()
		if err != nil {
			return
		}
		request := make([]byte, len(appendPiece(nil, 0, 0, "count")))
		if _, err := io.ReadFull(nc, request); err != nil {
			return
		}
		id := binary.BigEndian.Uint32(request[1:])
		_, _ = nc.Write(appendPiece(appendPiece(appendPiece(nil, id, 1, "one "), id, 1, "two "), id, 0, "three"))
	}()

	pool, err := muxpool.New(muxpool.WithConnectNumber(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	node := transport.Node{Network: "tcp", Address: l.Addr().String()}
	count := transport.NewClient(pool, node, pieces{}, "", transport.EncodeBytes, transport.DecodeBytes,
		transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
			fmt.Println(len(m.Tag.([][]byte)), "frames")
			return ctx
		})).Endpoint()
	answer, err := count(context.Background(), []byte("count"))
	fmt.Printf("%s, %v\n", answer, err)
	// Output:
	// 3 frames
	// one two three, <nil>
}
