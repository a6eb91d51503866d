package attacktest

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleEnv makes the test binary one of the other processes.
const roleEnv = "MUXKIT_ATTACK_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "server":
		serverMain()
	case "attackers":
		attackersMain()
	default:
		goleak.VerifyTestMain(m)
	}
}
