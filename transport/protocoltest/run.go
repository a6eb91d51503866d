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
	// Each of these takes for granted that those before it hold: the first that does not
	// is the verdict.
	for _, check := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"comparable", k.testComparable},
		{"append", k.testAppend},
		{"frames", k.testFrames},
		{"answers", k.testAnswers},
		{"memory", k.testMemory},
		{"oversized", k.testOversized},
		{"garbage", k.testGarbage},
		{"settings", k.testSettings},
	} {
		if !t.Run(check.name, check.run) {
			return
		}
	}
	if k.server == nil {
		t.Run("scripted peer", k.testScripted)
		return
	}
	for name, run := range map[string]func(*testing.T){
		"round trips": k.testRoundTrips, "out of order": k.testOutOfOrder,
		"error answers": k.testErrorAnswers, "one-way": k.testOneWay, "datagrams": k.testDatagrams,
	} {
		if !t.Run(name, run) {
			return
		}
	}
}
