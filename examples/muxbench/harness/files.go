package harness

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// wantFiles raises the process's limit of open files, if it has to, so that n
// more fit in beside those of any process.
func wantFiles(n int) error {
	want := uint64(n + n/4 + 256) // connections that are replaced, and the process's own
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= want {
		return err
	}
	before := limit.Cur
	limit.Cur, limit.Max = want, max(limit.Max, want)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed, %d allowed, and the limit (ulimit -n) cannot be raised: %w", want, before, err)
	}
	return nil
}
