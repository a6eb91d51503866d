package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience bounds each wait for something that must come.
const patience = 2 * time.Minute

// process is this program, run once more as a node of a service. Its methods must not be called
// concurrently.
type process struct {
	service      string
	args         []string // but for the addresses
	address, ops string
	log          string // the name of the file with its lines
	cmd          *exec.Cmd
	in           io.WriteCloser
	unclean      []error // how it ended, where that was not in good order
}

func startProcess(dir, service string, number int, args ...string) (*process, error) {
	p := &process{
		service: service,
		args:    append([]string{"serve", "-tied", "-dir", dir, "-service", service}, args...),
		address: "127.0.0.1:0", ops: "127.0.0.1:0",
		log: filepath.Join(dir, fmt.Sprintf("%s-%d.log", service, number)),
	}
	return p, p.start()
}

func (p *process) start() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	logs, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close()
	cmd := exec.Command(program, append(p.args, "-listen", p.address, "-ops", p.ops)...)
	cmd.Stderr = logs
	dieWithParent(cmd)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd, p.in = cmd, in
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	late.Stop()
	words := strings.Fields(line)
	if err == nil && len(words) != 2 {
		err = fmt.Errorf("it says %q", line)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("a process of %s did not start, see %s: %w", p.service, p.log, err), p.kill())
	}
	p.address, p.ops = words[0], words[1]
	return p.awaitReady()
}

// awaitReady waits until the process says that it takes calls.
func (p *process) awaitReady() error {
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get("http://" + p.ops + "/readyz")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s at %s is not ready: %w", p.service, p.address, err)
		}
	}
}

// again starts a process that has ended, at its addresses. They may be in use for a moment: by a
// connection that was dialed to one and met itself.
func (p *process) again() (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err = p.start(); err == nil {
			return nil
		}
	}
	return err
}

// terminate ends the process with SIGTERM, and waits until it is gone. It notes whether that was in
// good order.
func (p *process) terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, p.kill())
	}
	process := p.cmd.Process
	late := time.AfterFunc(patience, func() { _ = process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.unclean = append(p.unclean, fmt.Errorf("the end of %s at %s, see %s: %w", p.service, p.address, p.log, err))
	}
	p.cmd = nil
	return ignore(os.ErrClosed, p.in.Close())
}

// kill ends the process with SIGKILL, if it runs, and waits until it is gone.
func (p *process) kill() error {
	if p.cmd == nil {
		return nil
	}
	err := ignore(os.ErrProcessDone, p.cmd.Process.Kill())
	if waited := p.cmd.Wait(); waited != nil && !errors.As(waited, new(*exec.ExitError)) {
		err = errors.Join(err, waited)
	}
	p.cmd = nil
	return errors.Join(err, ignore(os.ErrClosed, p.in.Close()))
}

// reload has the process read its settings again.
func (p *process) reload() error { return p.cmd.Process.Signal(syscall.SIGHUP) }
