//go:build linux

package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
)

// serverEnv is the program of the API server; it is set in the network namespace in which the tests run.
const serverEnv = "MUXKIT_TEST_APISERVER"

// host is the address of all servers but the nodes', which are the others of pods: no API server takes those of a loopback device.
const (
	host = "10.9.0.1"
	pods = "10.9.0.0/16"
)

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(etcdEnv)); len(args) == 3 {
		beEtcd(args[0], args[1], args[2])
	}
	if os.Getenv(serverEnv) == "" {
		code, err := runInNamespace()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}
	for _, command := range []string{"ip link set lo up", "ip route add local " + pods + " dev lo"} {
		words := strings.Fields(command)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v: %s\n", command, err, out)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(bounded.Tests(m))
}

// runInNamespace builds the API server, and runs this binary once more, in a network namespace of its own.
func runInNamespace() (code int, err error) {
	build := exec.Command("go", "tool", "-n", "kube-apiserver")
	build.Stderr = os.Stderr
	server, err := build.Output()
	if err != nil {
		return 0, fmt.Errorf("building kube-apiserver: %w", err)
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), serverEnv+"="+strings.TrimSpace(string(server)))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 { // a user namespace makes us root inside
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig means this thread
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// soon is a context for what a server does at once.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}
