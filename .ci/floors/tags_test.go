package main

import (
	"slices"
	"testing"
)

func TestTags(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a_test.go", "//go:build peers && !race\n\npackage a\n")
	write(t, root, "b/b_test.go", "// Copyright\n\n//go:build !linux || (peer && unix)\n\npackage b\n")
	write(t, root, "b/c.go", "package b\n\n// go:build x is no tag\n")
	got, err := checkTags(root)
	if want := []string{"b/b_test.go: no step gives the build tag peer"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}
