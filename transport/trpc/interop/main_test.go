package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// peer is the path of the built program; set before the tests run.
var peer string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "muxkit-trpc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	peer = filepath.Join(dir, "peer")
	build := exec.Command("go", "build", "-race=false", "-o", peer, "./peer")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the peer: %v\n%s", err, out)
		return 1
	}
	// The packages of trpc-go, which the golden frames need, start goroutines when
	// they are initialized (pollers of tnet, a watcher of configuration files):
	// those that run now.
	begun := goleak.IgnoreCurrent()
	if code := m.Run(); code != 0 {
		return code
	}
	if err := goleak.Find(begun); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
