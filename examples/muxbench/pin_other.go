//go:build !linux

package main

import "errors"

// onCPU runs start. Only Linux can pin a process.
func onCPU(cpu int, start func() error) error {
	if cpu >= 0 {
		return errors.ErrUnsupported
	}
	return start()
}
