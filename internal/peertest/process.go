package peertest

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Process is a program that runs until it is killed or its test ends. Its standard input is open until then: one that reads
// it, see [EndWithInput], does not outlive the tests, however they end.
type Process struct {
	Cmd *exec.Cmd

	t              testing.TB
	alive          io.Closer // its standard input
	stdout, stderr output
	ended          chan struct{} // closed when it has ended, and all that it wrote is there
}

// Start runs a program. What it writes is kept, as far as cmd says nothing else, and logged if the test fails.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, t: t, ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &p.stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.alive = alive
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Kill()
		alive.Close()
		if t.Failed() {
			said := p.Said()
			t.Logf("%v said\n%s", cmd.Args, said[max(0, len(said)-20_000):])
		}
	})
	return p
}

// Again is this test binary once more, in the role that these variables of its environment tell it.
func Again(env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// StartAt runs a program that is to listen at a certain address. It says that it does in a line that begins with ready, or
// why not in one that begins with "error:": then it is started again, since a port may be slow to become free.
func StartAt(t testing.TB, command func() *exec.Cmd, ready string) (p *Process, line string) {
	t.Helper()
	for range 50 {
		p = Start(t, command())
		if line = p.Line(ready, "error:"); line != "" && !strings.HasPrefix(line, "error:") {
			return p, line
		}
		p.Kill()
		time.Sleep(100 * time.Millisecond) // only the kernel knows when
	}
	t.Fatalf("%v does not begin: %s", p.Cmd.Args, line)
	return nil, ""
}

// Kill ends it at once, and waits until it has ended; again is fine.
func (p *Process) Kill() {
	p.t.Helper()
	_ = p.Cmd.Process.Kill()
	bounded.Receive(p.t, p.ended)
}

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Said is all that it wrote, but for what its Cmd sent elsewhere.
func (p *Process) Said() string {
	out, _ := p.stdout.read()
	complaints, _ := p.stderr.read()
	return out + complaints
}

// Line waits for a line of its standard output that begins with one of these, and returns the first. It is empty if the
// process ends without.
func (p *Process) Line(begins ...string) string {
	p.t.Helper()
	late, ended := time.After(Patience), false
	for {
		out, grown := p.stdout.read()
		for line := range strings.Lines(out) {
			if strings.HasSuffix(line, "\n") && slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(line, b) }) {
				return strings.TrimSpace(line)
			}
		}
		if ended {
			return ""
		}
		select {
		case <-grown:
		case <-p.ended:
			ended = true // and what it wrote last is there
		case <-late:
			p.t.Fatalf("%v writes no line that begins with %q", p.Cmd.Args, begins)
		}
	}
}

// output is what a process has written so far.
type output struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed with the next Write; nil: nobody waits
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown != nil {
		close(o.grown)
		o.grown = nil
	}
	return o.text.Write(b)
}

// read returns the text, and a channel that is closed when there is more.
func (o *output) read() (text string, grown <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown == nil {
		o.grown = make(chan struct{})
	}
	return o.text.String(), o.grown
}
