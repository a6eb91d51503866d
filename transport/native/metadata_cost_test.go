package native_test

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestPairsOfAnAnswerCostWhatTheyHave: an answer may have 65,535 empty pairs of metadata, which are
// one in the end, and its caller has no limit on their number.
func TestPairsOfAnAnswerCostWhatTheyHave(t *testing.T) {
	frame, err := native.Protocol{}.AppendResponse(nil, 1, nil, &transport.Message{})
	if err != nil {
		t.Fatal(err)
	}
	frame = append(frame, make([]byte, 4*65_535)...)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	binary.BigEndian.PutUint16(frame[14:], 65_535)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var resp transport.Message
	err = native.Protocol{}.ParseResponse(frame, &resp)
	runtime.ReadMemStats(&after)
	if n := int(after.TotalAlloc - before.TotalAlloc); err != nil || len(resp.Metadata) != 1 || n > 2*len(frame) {
		t.Errorf("%d pairs of %d bytes, for which %d are allocated; %v", len(resp.Metadata), len(frame), n, err)
	}
}
