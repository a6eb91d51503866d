package muxtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/muxkit/muxkit/muxpool"
)

// Parser cuts frames, from pooled memory where its reader offers it. It has
// none of the pool's optional interfaces. Parsers that differ in Name are
// different node identities. It is safe for concurrent use.
type Parser struct{ Name string }

// Parse implements muxpool.FrameParser.
func (p Parser) Parse(r io.Reader) (uint32, []byte, error) {
	fr, ok := r.(muxpool.FrameReader)
	if !ok {
		return PlainParser(p).Parse(r)
	}
	head, err := fr.Peek(8)
	if err != nil {
		return 0, nil, err
	}
	size, err := bodyLen(head)
	if err != nil {
		return 0, nil, err
	}
	frame, err := fr.Alloc(HeaderLen + size)
	if err != nil {
		return 0, nil, err
	}
	if _, err := io.ReadFull(fr, frame); err != nil {
		muxpool.Release(frame)
		return 0, nil, unexpected(err)
	}
	return binary.BigEndian.Uint32(frame[8:]), frame, nil
}

// PlainParser cuts frames from any io.Reader, as a parser does that knows
// nothing of muxpool.FrameReader. It trusts no length: memory grows with the
// bytes that arrive.
type PlainParser struct{ Name string }

// Parse implements muxpool.FrameParser.
func (PlainParser) Parse(r io.Reader) (uint32, []byte, error) {
	var head [HeaderLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size, err := bodyLen(head[:])
	if err != nil {
		return 0, nil, err
	}
	var frame bytes.Buffer
	frame.Write(head[:])
	if _, err := io.CopyN(&frame, r, int64(size)); err != nil {
		return 0, nil, unexpected(err)
	}
	return binary.BigEndian.Uint32(head[8:]), frame.Bytes(), nil
}

// IDs is the part of a parser that implements muxpool.IDSpacer: ids from Min to
// Max, both included, without the multiples of Reserve (0: none is reserved). A
// Max of zero means 1<<32 - 1.
type IDs struct{ Min, Max, Reserve uint32 }

// The id spaces of real protocols.
var (
	IDs8  = IDs{Max: 1<<8 - 1}
	IDs16 = IDs{Max: 1<<16 - 1}
	IDs31 = IDs{Min: 1, Max: 1<<31 - 1}
)

// IDSpace implements muxpool.IDSpacer.
func (i IDs) IDSpace() muxpool.IDSpace {
	space := muxpool.IDSpace{Min: i.Min, Max: i.Max}
	if i.Max == 0 {
		space.Max = 1<<32 - 1
	}
	if i.Reserve > 0 {
		for id := (uint64(i.Min) + uint64(i.Reserve) - 1) / uint64(i.Reserve) * uint64(i.Reserve); id <= uint64(space.Max); id += uint64(i.Reserve) {
			space.Reserved = append(space.Reserved, muxpool.IDRange{First: uint32(id), Last: uint32(id)})
		}
	}
	return space
}

// Kinds is the part of a parser that implements muxpool.FrameClassifier.
type Kinds struct{}

// ClassifyFrame implements muxpool.FrameClassifier.
func (Kinds) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind {
	switch Kind(frame[3]) {
	case More:
		return muxpool.FrameMore
	case Pong:
		return muxpool.FrameKeepAlive
	case GoAway:
		return muxpool.FrameGoingAway
	case Push:
		return muxpool.FrameUnsolicited
	}
	return muxpool.FrameLast
}

// KeepAlive is the part of a parser that implements muxpool.KeepAliver: it asks
// with a Ping, which a Peer answers with a Pong of the same id.
type KeepAlive struct{}

// AppendKeepAlive implements muxpool.KeepAliver.
func (KeepAlive) AppendKeepAlive(dst []byte, vid uint32) []byte {
	return AppendFrame(dst, Frame{Kind: Ping, ID: vid})
}

// Greeting is the part of a parser that implements muxpool.Handshaker: it sends
// a Hello and waits for the peer's.
type Greeting struct{}

// Handshake implements muxpool.Handshaker.
func (Greeting) Handshake(_ context.Context, nc net.Conn) error {
	if _, err := nc.Write(AppendFrame(nil, Frame{Kind: Hello})); err != nil {
		return err
	}
	f, err := ReadFrame(nc)
	if err == nil && f.Kind != Hello {
		err = fmt.Errorf("%w: kind %d in place of a greeting", ErrMalformed, f.Kind)
	}
	return err
}
