package ttheader

import (
	"iter"
	"math"
)

// Keys of a header's info that are numbers, as Kitex and its meshes know them.
const (
	KeyTransportType uint16 = 1
	KeyLogID         uint16 = 2
	KeyFromService   uint16 = 3
	KeyFromCluster   uint16 = 4
	KeyFromIDC       uint16 = 5
	KeyToService     uint16 = 6
	KeyToCluster     uint16 = 7
	KeyToIDC         uint16 = 8
	KeyToMethod      uint16 = 9
	KeyEnv           uint16 = 10
	KeyDestAddress   uint16 = 11
	KeyRPCTimeout    uint16 = 12 // in milliseconds, decimal: Message.Timeout
	KeyFromMethod    uint16 = 20
	KeyStressTag     uint16 = 21
	KeyMessageType   uint16 = 22
)

// Head is what a TTHeader says beyond what a transport.Message has room for.
//
// As the Tag of a request on a server it tells what the client sent. A client's hook or codec
// may set one as the Tag of its request, and a server's as that of its answer, to send these
// things. After an answer a client finds one as its Tag if the answer has such pairs.
type Head struct {
	numbers string // pairs as they travel

	form Form
	seq  uint32 // the message's id, to be echoed: it may be another than the header's
}

// Set sets the value of a key that is a number, of which 65,535 bytes are sent at most.
// KeyRPCTimeout of a request is overwritten by the time that the call has left.
func (h *Head) Set(key uint16, value string) {
	n := min(len(value), math.MaxUint16)
	h.numbers += string([]byte{byte(key >> 8), byte(key), byte(n >> 8), byte(n)}) + value[:n]
}

// Get returns the value of a key that is a number; ok is false if there is none. KeyRPCTimeout
// of a request is its Message's Timeout, and may not be here.
func (h *Head) Get(key uint16) (value string, ok bool) {
	for k, v := range h.All() {
		if k == key {
			value, ok = v, true
		}
	}
	return value, ok
}

// All are the pairs whose keys are numbers, in their order. What comes later counts.
func (h *Head) All() iter.Seq2[uint16, string] {
	return func(yield func(uint16, string) bool) {
		for s := h.numbers; len(s) >= 4; {
			key, n := uint16(s[0])<<8|uint16(s[1]), int(s[2])<<8|int(s[3])
			if len(s) < 4+n || !yield(key, s[4:4+n]) {
				return
			}
			s = s[4+n:]
		}
	}
}
