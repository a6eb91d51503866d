//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

// thread would be a thread with a network of its own.
type thread struct{ network string }

func newThread() (*thread, error) {
	return nil, errors.New("networks of one's own are Linux's")
}

func (*thread) do(func() error) error { return errors.ErrUnsupported }

func (*thread) end() {}

func dieWithParent(*exec.Cmd) {}
