package faulttest_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// sysSetns is the system call that package syscall has no name for.
var sysSetns = map[string]uintptr{"amd64": 308, "arm64": 268, "riscv64": 268, "loong64": 268}

// netns is a network namespace of the test's own, with a loopback device: what
// the firewall drops in it touches nobody else.
type netns struct {
	t  *testing.T
	fd int
}

func newNetns(t *testing.T) *netns {
	t.Helper()
	if sysSetns[runtime.GOARCH] == 0 {
		unable(t, "needs the number of setns on "+runtime.GOARCH)
	}
	ns := &netns{t: t, fd: -1}
	err := onThread(func() error {
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			return err
		}
		var err error
		ns.fd, err = syscall.Open("/proc/thread-self/ns/net", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		unable(t, "needs root, for a network namespace: ", err)
	}
	t.Cleanup(func() { syscall.Close(ns.fd) })
	ns.need("ip link set lo up")
	return ns
}

// need runs a command without whose program there is nothing to test.
func (ns *netns) need(command string) {
	ns.t.Helper()
	if err := ns.run(command); err != nil {
		unable(ns.t, "needs ", strings.Fields(command)[0], ": ", command, ": ", err)
	}
}

// firewall makes a place for its rules.
func (ns *netns) firewall() {
	ns.t.Helper()
	ns.need("nft add table inet faults")
	ns.need("nft add chain inet faults input { type filter hook input priority 0 ; }")
}

// onThread runs f on a thread that ends with it, so that what f does to the
// thread is not seen by others.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// do runs f on a thread inside the namespace.
func (ns *netns) do(f func() error) error {
	return onThread(func() error {
		if _, _, errno := syscall.RawSyscall(sysSetns[runtime.GOARCH], uintptr(ns.fd), syscall.CLONE_NEWNET, 0); errno != 0 {
			return errno
		}
		return f()
	})
}

func (ns *netns) start(cmd *exec.Cmd) error { return ns.do(cmd.Start) }

// run runs a command inside the namespace; its words are separated by spaces.
func (ns *netns) run(command string) error {
	_, err := ns.exec(command)
	return err
}

func (ns *netns) exec(command string) (output string, err error) {
	words := strings.Fields(command)
	cmd := exec.Command(words[0], words[1:]...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := ns.start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return "", errors.New(err.Error() + ": " + out.String())
	}
	return out.String(), nil
}

func (ns *netns) output(command string) string {
	ns.t.Helper()
	out, err := ns.exec(command)
	if err != nil {
		ns.t.Fatalf("%s: %v", command, err)
	}
	return out
}

func (ns *netns) must(command string) {
	ns.t.Helper()
	if err := ns.run(command); err != nil {
		ns.t.Fatalf("%s: %v", command, err)
	}
}

// dial connects inside the namespace: a socket stays where it was made.
func (ns *netns) dial(ctx context.Context, network, address string) (nc net.Conn, err error) {
	return nc, ns.do(func() error {
		d := net.Dialer{KeepAlive: -1}
		nc, err = d.DialContext(ctx, network, address)
		return err
	})
}

// unable skips a test that this machine cannot run. In CI, as root, it can run all of
// them: there that is a failure, lest they are skipped for ever and nobody sees it.
func unable(t *testing.T, why ...any) {
	t.Helper()
	if os.Getenv("CI") != "" && os.Getuid() == 0 {
		t.Fatal(why...)
	}
	t.Skip(why...)
}
