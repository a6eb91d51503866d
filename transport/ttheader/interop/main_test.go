package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/peertest"
)

var programs peertest.Programs

func TestMain(m *testing.M) { os.Exit(programs.Main(m, func() error { return goleak.Find() })) }

// peer is a program that is a real server or client.
type peer string

const (
	kitex  peer = "kitexpeer"
	apache peer = "thriftpeer"
	python peer = "python"
)

// command is the peer with these arguments.
func (p peer) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if p == python {
		return exec.Command("/usr/bin/python3", append([]string{filepath.Join("peer", "peer.py")}, args...)...)
	}
	program, err := programs.Build("./peer/" + string(p))
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, args...)
}
