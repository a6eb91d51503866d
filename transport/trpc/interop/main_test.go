package interop

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// role is the environment variable that makes this test binary one of the real
// peers. They run in processes of their own: they start goroutines that nothing
// ends, and what the race detector finds in them is not about muxkit.
const role = "MUXKIT_TRPC_PEER"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "server":
		serveAsTrpcGo()
	case "client":
		callAsTrpcGo()
	default:
		// The packages of trpc-go, which the golden frames need, start goroutines
		// (pollers of tnet, a watcher of configuration files) when they are
		// initialized: those that run before the first test.
		goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
	}
}
