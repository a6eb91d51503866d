package muxtest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	PeerMain()
	goleak.VerifyTestMain(m)
}
