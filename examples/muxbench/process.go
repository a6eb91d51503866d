package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is a running child.
type process struct {
	cmd     *exec.Cmd
	input   io.WriteCloser
	output  *os.File // the read end of the child's descriptor 3
	answers *json.Decoder
}

// startProcess executes the program again as a child, on the named CPU if cpu is
// not negative, with that GOMAXPROCS if procs is not 0.
func startProcess(job Job, cpu, procs int) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
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
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	if procs > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", procs))
	}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{w}
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := onCPU(cpu, cmd.Start); err != nil {
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
