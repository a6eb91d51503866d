package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is a running child.
type process struct {
	cmd     *exec.Cmd
	input   io.WriteCloser
	output  *os.File // the read end of the child's descriptor 3
	answers *json.Decoder
}

// place is where a child runs.
type place struct {
	program   string // empty: this one
	namespace string // of the network; empty: this process's
	cpu       int    // negative: any
	procs     int    // GOMAXPROCS; 0: Go's default
}

// OfOther ends the names of entries that run in the processes of another program: this
// one, built from another commit. Their jobs and answers are the same in all.
const OfOther = "@other"

// program returns the entry as its program knows it, and the program.
func (b *Bench) program(entry string) (name, program string) {
	if name, ok := strings.CutSuffix(entry, OfOther); ok {
		return name, b.Other
	}
	return entry, ""
}

// startProcess executes the program again as a child.
func startProcess(job Job, where place) (*process, error) {
	program := where.program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd := exec.Command(program)
	if where.namespace != "" {
		cmd = exec.Command("ip", "netns", "exec", where.namespace, program)
	}
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	if where.procs > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", where.procs))
	}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{w}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := onCPU(where.cpu, cmd.Start); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &process{cmd, input, r, json.NewDecoder(r)}, nil
}

// command sends a line to the child.
func (p *process) command(line string) error {
	_, err := io.WriteString(p.input, line+"\n")
	return err
}

// answer waits for the child's next answer.
func (p *process) answer(v any, within time.Duration) error {
	if err := p.output.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if err := p.answers.Decode(v); err != nil {
		return fmt.Errorf("no answer from process %d: %w", p.cmd.Process.Pid, err)
	}
	return nil
}

// stop ends the child, by force: a contender has nothing to lose.
func (p *process) stop() {
	p.input.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.output.Close()
}
