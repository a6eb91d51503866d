package main

import (
	"slices"
	"testing"
)

func TestTop(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"go.mod", "README.md", "docs/index.md", ".ci/run", ".gitignore", "muxpool.test", "notes.txt", "tools/main.go", "go.work"} {
		write(t, root, name, "")
	}
	got, err := checkTop(root)
	want := []string{"go.work does not belong at the top level", "notes.txt does not belong at the top level", "tools does not belong at the top level"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}
