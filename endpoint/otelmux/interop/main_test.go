package interop

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleEnv makes this test binary, run once more, the process that it names.
const roleEnv = "OTELMUX_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		return
	}
	goleak.VerifyTestMain(m)
}
