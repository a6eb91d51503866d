package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is this program, run once more as a node or a relay. Its methods must
// not be called concurrently.
type process struct {
	role    string
	args    []string
	address string // that it listens on
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	socket  *os.File // that a node listens on, if it is to outlive its process
}

// startNode starts a node on a port that the system chooses. Its socket may be one that
// another process can take over.
func startNode(takeover bool, args ...string) (p *process, err error) {
	p = &process{role: "node", args: args}
	if !takeover {
		return p, p.start("127.0.0.1:0")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return p, err
	}
	p.socket, err = l.(*net.TCPListener).File()
	if err := errors.Join(err, l.Close()); err != nil {
		return p, errors.Join(err, p.closeSocket())
	}
	if err := p.start(handedOver); err != nil {
		return p, errors.Join(err, p.closeSocket())
	}
	return p, nil
}

// startRelay starts a relay to address.
func startRelay(address string) (*process, error) {
	p := &process{role: "relay"}
	return p, p.start(address)
}

// restart starts a killed node on the address that it had. That may be in use for
// a moment: by a connection that was dialed to it and met itself.
func (p *process) restart() (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err = p.start(p.address); err == nil {
			return nil
		}
	}
	return err
}

func (p *process) start(address string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), actEnv+"="+strings.Join(append([]string{p.role, address}, p.args...), " "))
	cmd.Stderr = os.Stderr
	if p.socket != nil {
		cmd.ExtraFiles = []*os.File{p.socket}
	}
	dieWithParent(cmd)
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
	listens, err := p.line()
	if err != nil {
		return errors.Join(fmt.Errorf("%s %s did not start: %w", p.role, address, err), p.kill())
	}
	p.address = listens
	return nil
}

// tell makes a node obey, and waits for its answer.
func (p *process) tell(command string) (answer string, err error) {
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return "", err
	}
	line, err := p.line()
	answer, ok := strings.CutPrefix(line, "ok")
	if err == nil && !ok {
		err = fmt.Errorf("node %s: %s", p.address, line)
	}
	return answer, err
}

func (p *process) line() (string, error) {
	line, err := p.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

// takeOver starts a new process on the same socket, and then ends the old one in good
// order.
func (p *process) takeOver() error {
	old := *p
	if err := p.start(handedOver); err != nil {
		return errors.Join(err, old.kill())
	}
	return old.terminate()
}

// terminate ends a node with SIGTERM, at which it answers what it was sent, and waits
// until it is gone.
func (p *process) terminate() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	if err != nil {
		return errors.Join(err, p.kill())
	}
	process := p.cmd.Process
	late := time.AfterFunc(patience, func() { _ = process.Kill() })
	defer late.Stop()
	err = p.cmd.Wait() // closes both pipes
	p.cmd = nil
	return err
}

func (p *process) closeSocket() error {
	if p.socket == nil {
		return nil
	}
	return p.socket.Close()
}

// kill ends the process with SIGKILL, if it runs, and waits until it is gone.
func (p *process) kill() error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if waited := p.cmd.Wait(); !errors.As(waited, new(*exec.ExitError)) { // closes both pipes
		err = errors.Join(err, waited)
	}
	p.cmd = nil
	return err
}
