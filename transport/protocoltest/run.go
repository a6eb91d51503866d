package protocoltest

import (
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// Run checks p. See the package's documentation for what, and the options for what
// it may need to know.
func Run(t *testing.T, p transport.Protocol, options ...Option) {
	t.Helper()
	k := newKit(p, options)
	t.Run("comparable", k.testComparable)
	t.Run("append", k.testAppend)
	t.Run("frames", k.testFrames)
	t.Run("oversized", k.testOversized)
	t.Run("garbage", k.testGarbage)
	t.Run("settings", k.testSettings)
	if k.server == nil {
		return
	}
	t.Run("round trips", k.testRoundTrips)
	t.Run("out of order", k.testOutOfOrder)
	t.Run("error answers", k.testErrorAnswers)
	t.Run("one-way", k.testOneWay)
	t.Run("datagrams", k.testDatagrams)
}
