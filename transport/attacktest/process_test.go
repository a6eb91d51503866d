package attacktest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// process is the test binary in another role. What it prints are answers to what it was
// asked, a line for a line; it ends when its standard input does.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log *bytes.Buffer // its standard error; to be read when it has ended
}

// start starts a process. It is killed at the end of the test, if it has not ended.
func start(t *testing.T, role string, env ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), log: new(bytes.Buffer)}
	if nice, err := exec.LookPath("nice"); err == nil && role == "attackers" {
		p.cmd = exec.Command(nice, "-n", "19", os.Args[0]) // they would have machines of their own
	}
	p.cmd.Env = append(append(os.Environ(), roleEnv+"="+role), env...)
	p.cmd.Stderr = p.log
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	return p
}

// line is the next that the process prints.
func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		t.Fatalf("the process has ended: %v; its last words:\n%s", p.cmd.ProcessState, last(p.log.String(), 4000))
	}
	return strings.TrimSpace(line)
}

// ask sends the process a line, and returns its answer.
func (p *process) ask(t *testing.T, what string) string {
	t.Helper()
	_, _ = fmt.Fprintln(p.in, what) // if that fails, so does line
	return p.line(t)
}

// end lets the process end.
func (p *process) end(t *testing.T) {
	t.Helper()
	_ = p.in.Close()
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the process ended with %v:\n%s", err, last(p.log.String(), 4000))
		}
	case <-time.After(patience):
		t.Error("the process does not end")
		_ = p.cmd.Process.Kill()
		bounded.Receive(t, ended)
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// answers answers the lines of standard input, until it ends.
func answers(answer func(string) string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println(answer(in.Text()))
	}
}
