package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMains(t *testing.T) {
	root := t.TempDir()
	var pkgs []listed
	for dir, text := range map[string]string{
		"muxpool/a":        "func TestMain(m *testing.M) { bounded.Tests(m).Run() }",
		"muxpool/b":        "func TestMain(m *testing.M) {\n\t// bounded.Tests(m).Run()\n\tm.Run()\n}",
		"muxpool/c":        "",
		"examples/d":       "func TestMain(m *testing.M) { m.Run() }",
		"internal/bounded": "func TestMain(m *testing.M) { m.Run() }",
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		name := "p_test.go"
		if text == "" {
			name = "p.go" // no tests
		}
		if err := os.WriteFile(filepath.Join(root, dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var p listed
		if err := json.Unmarshal([]byte(`{"ImportPath": "`+modulePath+"/"+dir+`", "Module": {"Main": true}}`), &p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	got, err := checkMains(root, pkgs)
	want := []string{"muxpool/b: tests without an end hang: its TestMain runs no bounded.Tests"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}
