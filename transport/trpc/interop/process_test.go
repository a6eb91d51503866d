package interop

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// The files that a peer finds open besides the standard ones.
const (
	peerIn  = 3
	peerOut = 4
)

// process is a real peer. It ends when its standard input does, so that it never
// outlives the tests.
type process struct {
	in  io.WriteCloser // what it reads as peerIn
	out io.Reader      // what it writes as peerOut
}

// start runs this binary as a peer until the test ends.
func start(t *testing.T, as string, env ...string) *process {
	t.Helper()
	theirIn, in := pipe(t)
	out, theirOut := pipe(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), role+"="+as), env...)
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
	t.Cleanup(func() {
		in.Close()
		alive.Close()
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Wait()
		out.Close()
		if t.Failed() {
			t.Logf("the %s's log:\n%s", as, log)
		}
	})
	return &process{in, out}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// exitWithParent ends a peer when the tests are done with it. Exit code 0 in any
// case: the race detector would make it 66.
func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
