package main

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
)

// stageEnv marks the process that has a network namespace of its own; its value
// is the index of the firewall that works there.
const stageEnv = "MUXKIT_RESILIENCE_STAGE"

// exitNoStage is the exit code of a stage that could not be set up.
const exitNoStage = 97

// enterStage runs this program once more, in a network namespace of its own: what
// the firewall drops there touches nobody else, and nothing of it is left when
// the process has ended, in whatever way. done is false in that process, and in
// one that is not allowed to make a namespace: it then does without.
func enterStage() (code int, done bool) {
	switch os.Getenv(stageEnv) {
	case "":
		return runOnStage()
	case "new":
		i, ok := raiseFirewall()
		if !ok {
			return exitNoStage, true
		}
		os.Setenv(stageEnv, strconv.Itoa(i))
	}
	return 0, false
}

func runOnStage() (code int, done bool) {
	program, err := os.Executable()
	if err != nil {
		return 0, false
	}
	cmd := exec.Command(program, os.Args[1:]...)
	cmd.Env = append(os.Environ(), stageEnv+"=new")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	dieWithParent(cmd)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 { // a user namespace makes us root inside
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	runtime.LockOSThread() // dieWithParent means this thread
	defer runtime.UnlockOSThread()
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, os.Interrupt) // Ctrl-C is for the stage, which ends in order
	defer func() { signal.Stop(heard); close(heard) }()
	if err := cmd.Start(); err != nil {
		return 0, false
	}
	go func() {
		for s := range heard {
			_ = cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), exit.ExitCode() != exitNoStage
	}
	return 0, err == nil
}

// raiseFirewall sets up the first firewall that works here.
func raiseFirewall() (index int, ok bool) {
	if system("ip link set lo up") != nil {
		return 0, false
	}
	for i, f := range firewalls() {
		if system(f.setup...) == nil {
			return i, true
		}
	}
	return 0, false
}

// onStage returns the firewall of this process's own network, if it has one.
func onStage() (*firewall, bool) {
	i, err := strconv.Atoi(os.Getenv(stageEnv))
	if err != nil {
		return nil, false
	}
	return &firewalls()[i], true
}

// dieWithParent has a process killed when this one ends, though it be stopped.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
