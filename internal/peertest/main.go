package peertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Programs are peers that are built when they are needed: fuzz tests do without. Main sets where.
type Programs struct {
	dir   string
	built sync.Map // of package to func() (string, error)
}

// Main is what a TestMain runs: the tests, with a bound, and then leaks, if it finds any. It returns the exit code.
func (p *Programs) Main(m interface{ Run() int }, leaks func() error) int {
	dir, err := os.MkdirTemp("", "muxkit-peers")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	p.dir = dir
	if code := bounded.Tests(m).Run(); code != 0 {
		return code
	}
	if err := leaks(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Build builds the program of a package, once, without the race detector, and returns where it is.
func (p *Programs) Build(pkg string) (path string, err error) {
	build, _ := p.built.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		path := filepath.Join(p.dir, filepath.Base(pkg))
		if out, err := exec.Command("go", "build", "-race=false", "-o", path, pkg).CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
		return path, nil
	}))
	return build.(func() (string, error))()
}
