package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience bounds each wait for something that must come.
const patience = 2 * time.Minute

// process is this program, run once more as a member of etcd, a node or a client. Its methods
// must not be called concurrently.
type process struct {
	what, name string
	zone       *zone
	args       []string
	page       *os.File // client: the socket of its page
	prefers    bool     // client: the nodes of its zone
	address    string
	log        string // the name of the file with its lines
	cmd        *exec.Cmd
	in         io.WriteCloser
	out        *bufio.Reader
}

// start starts the process, and waits until it serves.
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
	cmd := exec.Command(program, append([]string{p.what, "-name", p.name, "-zone", p.zone.name}, p.args...)...)
	cmd.Stderr = logs
	if p.page != nil {
		cmd.ExtraFiles = []*os.File{p.page}
	}
	dieWithParent(cmd)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := p.zone.start(cmd); err != nil {
		return err
	}
	p.cmd, p.in, p.out = cmd, in, bufio.NewReader(out)
	line, err := p.line()
	if err != nil {
		return errors.Join(fmt.Errorf("%s did not start, see %s: %w", p, p.log, err), p.kill())
	}
	p.address = strings.TrimSpace(line)
	return nil
}

func (p *process) String() string { return p.name }

// line is the next one that the process prints. One that prints none in time is killed.
func (p *process) line() (string, error) {
	process := p.cmd.Process
	late := time.AfterFunc(patience, func() { _ = process.Kill() })
	defer late.Stop()
	return p.out.ReadString('\n')
}

// ask has the process obey a word, and reads its answer into to, unless that is nil.
func (p *process) ask(word string, to any) error {
	if p.cmd == nil {
		return fmt.Errorf("%s does not run", p)
	}
	_, err := fmt.Fprintln(p.in, word)
	var line string
	if err == nil {
		line, err = p.line()
	}
	var said struct {
		Value json.RawMessage
		Err   string
	}
	if err == nil {
		err = json.Unmarshal([]byte(line), &said)
	}
	if err == nil && said.Err != "" {
		err = errors.New(said.Err)
	}
	if err == nil && to != nil {
		err = json.Unmarshal(said.Value, to)
	}
	if err != nil {
		return fmt.Errorf("%s, asked to %s (see %s): %w", p, word, p.log, err)
	}
	return nil
}

// again starts a process that has ended. Its address may be in use for a moment: by a connection that was dialed to it and
// met itself.
func (p *process) again() (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = p.start(); err == nil {
			return nil
		}
	}
	return err
}

// terminate ends the process with SIGTERM, and waits until it is gone. unclean says that it was not in good order.
func (p *process) terminate() (unclean error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, p.kill())
	}
	process := p.cmd.Process
	late := time.AfterFunc(patience, func() { _ = process.Kill() })
	defer late.Stop()
	err := p.cmd.Wait()
	p.cmd = nil
	if err != nil {
		return fmt.Errorf("the end of %s, see %s: %w", p, p.log, err)
	}
	return nil
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
	return err
}

// logIn is where a process writes its lines.
func logIn(dir, name string) string { return filepath.Join(dir, name+".log") }
