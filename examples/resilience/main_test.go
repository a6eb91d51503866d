package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary a node or a relay where the program would be
// one, and runs the tests where packets can be dropped, if that is allowed.
func TestMain(m *testing.M) {
	actIfTold()
	if code, done := enterStage(); done {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}
