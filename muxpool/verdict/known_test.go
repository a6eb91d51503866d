package verdict

import (
	"slices"
	"syscall"
	"testing"
)

// Of the kernel's errors those say that the connection is lost.
func TestWhichErrnoIsALostConnection(t *testing.T) {
	are := []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
	for _, e := range append(slices.Clone(are), syscall.EINVAL, syscall.EACCES, syscall.ENOENT) {
		if v, ok := known(e); ok != slices.Contains(are, e) || ok && v != lost {
			t.Errorf("%v: %v, %v", e, v, ok)
		}
	}
}
