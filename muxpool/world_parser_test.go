package muxpool

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	worldAnswer = iota
	worldGoAway
	worldAlive
	worldLen = 9 // kind, id, nonce
)

type worldParser struct{}

func (worldParser) Parse(r io.Reader) (uint32, []byte, error) {
	frame := make([]byte, worldLen)
	if _, err := io.ReadFull(r, frame); err != nil {
		return 0, nil, err
	}
	if frame[0] > worldAlive {
		return 0, nil, fmt.Errorf("kind %d", frame[0])
	}
	return binary.BigEndian.Uint32(frame[1:]), frame, nil
}

func (worldParser) ClassifyFrame(_ uint32, frame []byte) FrameKind {
	return [...]FrameKind{FrameLast, FrameGoingAway, FrameKeepAlive}[frame[0]]
}

// scarceParser has few ids.
type scarceParser struct{ worldParser }

func (scarceParser) IDSpace() IDSpace {
	return IDSpace{Min: 3, Max: 10, Reserved: []IDRange{{5, 5}}}
}

// askingParser has a keepalive frame, too.
type askingParser struct{ scarceParser }

func (askingParser) AppendKeepAlive(dst []byte, id uint32) []byte {
	return append(dst, worldFrame(worldAlive, id, 0)...)
}

func worldFrame(kind byte, id, nonce uint32) []byte {
	frame := append(make([]byte, 0, worldLen), kind)
	frame = binary.BigEndian.AppendUint32(frame, id)
	return binary.BigEndian.AppendUint32(frame, nonce)
}
