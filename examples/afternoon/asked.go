package afternoon

import "github.com/muxkit/muxkit/muxpool"

var (
	_ muxpool.Answerer   = Protocol{}
	_ muxpool.Fareweller = Protocol{}
)

// AppendAnswer implements muxpool.Answerer: the peer asks whether we are there.
func (Protocol) AppendAnswer(dst []byte, id uint32, _ []byte) []byte {
	return appendFrame(dst, id, kindHere)
}

// AppendFarewell implements muxpool.Fareweller.
func (Protocol) AppendFarewell(dst []byte) []byte { return appendFrame(dst, 0, kindBye) }
