package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// process is a node in a process of its own: this program, run once more. Its
// methods must not be called concurrently.
type process struct {
	address string
	cmd     *exec.Cmd // nil while it does not run
	in      io.WriteCloser
	out     *bufio.Reader
}

// startProcess starts a node on a port that the system chooses.
func startProcess() (*process, error) {
	p := &process{address: "127.0.0.1:0"}
	return p, p.start()
}

// start starts the node, on the address that it had before.
func (p *process) start() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), nodeEnv+"="+p.address)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.in, p.out = cmd, in, bufio.NewReader(out)
	address, err := p.line()
	if err != nil {
		return errors.Join(fmt.Errorf("node %s did not start: %w", p.address, err), p.kill())
	}
	p.address = address
	return nil
}

// received asks the node how many calls it has received since its start.
func (p *process) received() (int64, error) {
	if _, err := fmt.Fprintln(p.in, "received"); err != nil {
		return 0, err
	}
	line, err := p.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(line, 10, 64)
}

func (p *process) line() (string, error) {
	line, err := p.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the node with SIGKILL, and waits until it is gone.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	err := p.wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // as it was told
	}
	return err
}

// stopAll lets the nodes that run finish their calls and end, all at once.
func stopAll(nodes []*process) (err error) {
	for _, p := range nodes {
		if p.cmd != nil {
			err = errors.Join(err, p.in.Close())
		}
	}
	for _, p := range nodes {
		if p.cmd != nil {
			err = errors.Join(err, p.wait())
		}
	}
	return err
}

func (p *process) wait() error {
	err := p.cmd.Wait() // closes both pipes
	p.cmd = nil
	return err
}
