package main

import (
	"slices"
	"testing"
)

func TestBuilt(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"examples/shop/main.go": "package main", "examples/shop/shop": "\x7fELF\x02\x01", "cmd.exe": "MZ\x90", "mac": "\xcf\xfa\xed\xfe",
		".git/hook": "\x7fELF", "pool.test": "\x7fELF", "empty": "", "frame": "\x7fE",
	} {
		write(t, root, name, text)
	}
	got, err := checkBuilt(root)
	want := []string{"cmd.exe is a program that a build has left", "examples/shop/shop is a program that a build has left", "mac is a program that a build has left"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}
