package faulttest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestMain(m *testing.M) {
	muxtest.PeerMain()
	goleak.VerifyTestMain(bounded.Tests(m))
}
