package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// built is where the peer is built to; TestMain sets it before the tests run.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "muxkit-trpc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "peer")
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

// build builds the peer once. Fuzz tests do without it.
var build = sync.OnceValue(func() error {
	out, err := exec.Command("go", "build", "-race=false", "-o", built, "./peer").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the peer: %w\n%s", err, out)
	}
	return nil
})
