//go:build unix

package main

import "syscall"

// stop stops the process with SIGSTOP: its kernel still accepts connections and
// acknowledges bytes, and nothing answers.
func (p *process) stop() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// resume ends a stop.
func (p *process) resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
