//go:build !muxguard

package wire

// guarded is true in the tests' builds that watch over memory: see guard_on.go.
const guarded = false

var guard guardian

type guardian struct{}

func (*guardian) alloc(int, int) []byte { return nil }
func (*guardian) free([]byte)           {}
