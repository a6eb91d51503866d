package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileFile names the CPU profile that the job's process leaves behind; empty
// if none was asked for. A later round overwrites a former one's.
func (j Job) profileFile() string {
	if j.Profiles == "" {
		return ""
	}
	name := fmt.Sprintf("%s-%s-%d-c%d-%s.pprof", j.Entry, j.Env.Net, j.Env.Size, j.Env.Callers, j.Role)
	return filepath.Join(j.Profiles, name)
}

// startProfile begins a CPU profile of the process, which stop ends and writes.
// Without a file it does nothing.
func startProfile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
