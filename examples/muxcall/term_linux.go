package main

import (
	"os"
	"syscall"
	"unsafe"
)

// terminalSize is that of stdout's terminal; 80 by 24 if it does not tell.
func terminalSize() (columns, lines int) {
	var size struct{ rows, columns, x, y uint16 }
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, os.Stdout.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if failed != 0 || size.columns == 0 || size.rows == 0 {
		return 80, 24
	}
	return int(size.columns), int(size.rows)
}
