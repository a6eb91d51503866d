//go:build !linux

package harness

import "errors"

// onCPU runs start. Only Linux can pin a process.
func onCPU(cpu int, start func() error) error {
	if cpu >= 0 {
		return errors.ErrUnsupported
	}
	return start()
}
