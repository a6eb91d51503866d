package afternoon

import "github.com/muxkit/muxkit/muxpool"

var _ muxpool.FrameClassifier = Protocol{}

// ClassifyFrame implements muxpool.FrameClassifier.
func (Protocol) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind {
	if len(frame) < header {
		return muxpool.FrameLast // ParseResponse says what is wrong with it
	}
	switch frame[8] {
	case kindPart:
		return muxpool.FrameMore
	case kindAsk:
		return muxpool.FrameRequest
	}
	return muxpool.FrameLast
}
