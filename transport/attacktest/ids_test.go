package attacktest

import (
	"encoding/binary"

	"github.com/muxkit/muxkit/muxpool"
)

// idAt is where a frame's id is.
func (f forge) idAt() int {
	if f.native {
		return 8
	}
	return 10
}

func (f forge) setID(frame []byte, id uint32) { binary.BigEndian.PutUint32(frame[f.idAt():], id) }

func (f forge) id(frame []byte) uint32 { return binary.BigEndian.Uint32(frame[f.idAt():]) }

func (f forge) measure(b []byte) (id uint32, total int64, ok bool) {
	return f.p.(muxpool.Measurer).Measure(b)
}
