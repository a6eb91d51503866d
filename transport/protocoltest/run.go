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
	right := inTurn(t, []check{
		{"comparable", k.testComparable},
		{"session", k.testSession},
		{"append", k.testAppend},
		{"frames", k.testFrames},
		{"answers", k.testAnswers},
		{"memory", k.testMemory},
		{"oversized", k.testOversized},
		{"garbage", k.testGarbage},
		{"settings", k.testSettings},
		{"cancel", k.testCancel},
	})
	live := []check{{"round trips", k.testRoundTrips}, {"out of order", k.testOutOfOrder}, {"error answers", k.testErrorAnswers}, {"one-way", k.testOneWay},
		{"datagrams", k.testDatagrams}}
	if k.server == nil {
		live = []check{{"scripted peer", k.testScripted}}
	}
	if right {
		inTurn(t, live)
	}
}

type check struct {
	name string
	run  func(*testing.T)
}

// inTurn runs checks each of which takes for granted that those before it hold: the first
// that does not is the verdict.
func inTurn(t *testing.T, checks []check) (all bool) {
	t.Helper()
	for _, c := range checks {
		if !t.Run(c.name, c.run) {
			return false
		}
	}
	return true
}
