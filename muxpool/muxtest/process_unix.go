//go:build unix

package muxtest

import "syscall"

// Stop stops the process with SIGSTOP: its kernel still accepts and
// acknowledges, nothing answers.
func (p *Process) Stop() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue ends a Stop.
func (p *Process) Continue() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
