//go:build !linux

package main

import (
	"os"
	"strconv"
)

// terminalSize is what the environment says; 80 by 24 if it does not.
func terminalSize() (columns, lines int) {
	return number("COLUMNS", 80), number("LINES", 24)
}

func number(name string, without int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return without
}
