package muxtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// processEnv tells a process that it is a peer, and where it listens.
const processEnv = "MUXTEST_PEER"

// Process is a Peer in a process of its own: this test binary, run once more.
// Its methods must not be called concurrently.
type Process struct {
	network, address string
	start            func(*exec.Cmd) error
	port             io.Closer // nil, or keeps the port between Kill and Restart
	cmd              *exec.Cmd
	in               io.WriteCloser
	out              *bufio.Reader
}

// PeerMain makes this process a Peer if StartProcess started it, and then never
// returns; otherwise it does nothing. Call it first in TestMain, or in an init
// function of the test.
func PeerMain() {
	where := os.Getenv(processEnv)
	if where == "" {
		return
	}
	if err := servePeer(where, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "muxtest peer:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// servePeer serves until in ends, and answers each command, a line on in, with a
// line on out.
func servePeer(where string, in io.Reader, out io.Writer) error {
	network, address, _ := strings.Cut(where, "|")
	p := NewPeer(Echo)
	defer p.Close()
	address, err := p.Listen(network, address, nil)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, address)
	commands := bufio.NewScanner(in)
	for commands.Scan() {
		if err := p.command(commands.Text()); err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(p.Stats()); err != nil {
			return err
		}
	}
	return commands.Err()
}

func (p *Peer) command(line string) error {
	switch verb, arg, _ := strings.Cut(line, " "); verb {
	case "stats":
	case "echo":
		p.Do(Echo)
	case "drop":
		p.Do(Drop)
	case "delay":
		d, err := time.ParseDuration(arg)
		if err != nil {
			return err
		}
		p.Do(Delay(d))
	default:
		return fmt.Errorf("unknown command %q", line)
	}
	return nil
}

// StartProcess starts a peer process that listens on address of the network; a
// port of 0 is chosen by the system, and kept by Restart. Close ends it. The test
// must have called PeerMain. start, if not nil, starts the command in place of its
// Start method: in another network namespace, for example.
func StartProcess(network, address string, start func(*exec.Cmd) error) (*Process, error) {
	p := &Process{network: network, address: address, start: start}
	if start == nil { // else its ports may be others than ours
		p.start = (*exec.Cmd).Start
		p.address, p.port = reserve(network, address)
	}
	if err := p.Restart(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Addr returns the address that the process listens on.
func (p *Process) Addr() string { return p.address }

// Restart starts the process, after Kill, on the address it had.
func (p *Process) Restart() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), processEnv+"="+p.network+"|"+p.address)
	cmd.Stderr = os.Stderr
	if p.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.start(cmd); err != nil {
		return err
	}
	p.cmd, p.out = cmd, bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	if err != nil {
		return errors.Join(fmt.Errorf("muxtest: the peer process did not start: %w", err), p.Kill())
	}
	p.address = strings.TrimSpace(line)
	return nil
}

// Do sends a command: "echo", "drop" or "delay 10ms" set what the peer does with
// frames, "stats" does nothing. It returns the peer's counters after it.
func (p *Process) Do(command string) (Stats, error) {
	var s Stats
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return s, err
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(line, &s)
}

// Kill kills the process with SIGKILL and waits for its end. It does nothing if
// the process was killed before.
func (p *Process) Kill() error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	var exit *exec.ExitError
	if werr := p.cmd.Wait(); werr != nil && !errors.As(werr, &exit) {
		err = errors.Join(err, werr)
	}
	p.in.Close()
	p.cmd = nil
	return err
}

// Close kills the process, if it runs, and gives up its port.
func (p *Process) Close() error {
	err := p.Kill()
	if p.port != nil {
		p.port.Close()
	}
	return err
}
