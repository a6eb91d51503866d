package interop

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// process is a real peer. It ends when its standard input does, so that it never
// outlives the tests.
type process struct {
	in  io.WriteCloser // what it reads as PeerIn
	out io.Reader      // what it writes as PeerOut

	kill func() // at once; it waits for the end
}

// start runs the peer until the test ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	theirIn, in := pipe(t)
	out, theirOut := pipe(t)
	cmd := exec.Command(built, args...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	log := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	kill := func() { _ = cmd.Process.Kill(); bounded.Receive(t, ended) }
	t.Cleanup(func() {
		in.Close()
		alive.Close()
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		bounded.Receive(t, ended)
		out.Close()
		if t.Failed() {
			t.Logf("the log of the peer %v:\n%s", args, log)
		}
	})
	return &process{in, out, kill}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}
