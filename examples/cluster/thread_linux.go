package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// thread is a thread with a network of its own, which the processes have that it starts.
type thread struct {
	network string // the file that stands for it
	todo    chan func()
	ended   chan struct{} // closed when nothing is run there any more
}

func newThread() (*thread, error) {
	t := &thread{todo: make(chan func()), ended: make(chan struct{})}
	ready := make(chan error)
	go func() {
		defer close(t.ended)
		runtime.LockOSThread() // for good: it ends with this goroutine
		t.network = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), syscall.Gettid())
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		ready <- err
		if err != nil {
			return
		}
		for f := range t.todo {
			f()
		}
	}()
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("a network of one's own: %w", err)
	}
	return t, nil
}

// do runs f on the thread.
func (t *thread) do(f func() error) error {
	done := make(chan error)
	t.todo <- func() { done <- f() }
	return <-done
}

// end ends the thread, and with it the processes that it started and that run on.
func (t *thread) end() {
	close(t.todo)
	<-t.ended
}

// dieWithParent has a process killed when the thread ends that starts it.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
