package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// timeout is an error of a connection of somebody's own.
type timeout bool

func (timeout) Error() string   { return "timeout" }
func (t timeout) Timeout() bool { return bool(t) }
func (timeout) Temporary() bool { return false }

// The kernel's own timeout is one as well, and no deadline of ours.
func TestWhichErrorsAreADeadline(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"none":                        {nil, false},
		"the library's":               {os.ErrDeadlineExceeded, true},
		"wrapped":                     {&net.OpError{Op: "write", Err: os.ErrDeadlineExceeded}, true},
		"beside the kernel's":         {errors.Join(os.ErrDeadlineExceeded, syscall.ETIMEDOUT), true},
		"of another's connection":     {fmt.Errorf("write: %w", timeout(true)), true},
		"a net.Error of another kind": {timeout(false), false},
		"the kernel's":                {&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.ETIMEDOUT)}, false},
		"the end of a stream":         {io.EOF, false},
		"a connection that was reset": {syscall.ECONNRESET, false},
	} {
		if got := DeadlinePassed(row.err); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}
