package interop

import (
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/peertest"
)

var programs peertest.Programs

func TestMain(m *testing.M) {
	// The packages of trpc-go, which the golden frames need, start goroutines when
	// they are initialized (pollers of tnet, a watcher of configuration files):
	// those that run now.
	begun := goleak.IgnoreCurrent()
	os.Exit(programs.Main(m, func() error { return goleak.Find(begun) }))
}

// peer is the real peer with these arguments.
func peer(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := programs.Build("./peer")
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, args...)
}
