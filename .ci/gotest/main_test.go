package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAPlantedSkipIsFound runs the command, as the steps do, on a module of one test.
func TestAPlantedSkipIsFound(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "gotest")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	for _, c := range []struct {
		does, says string
		fails      bool
	}{
		{"", "tests of 1 packages ran, 0 were skipped", false},
		{`t.Skip("no nft")`, "SKIPPED  planted.TestA: a_test.go:5: no nft", isRoot()},
		{`t.Error("wrong")`, "a_test.go:5: wrong", true},
	} {
		for name, text := range map[string]string{
			"go.mod":    "module planted\n\ngo 1.25\n",
			"a_test.go": "package planted\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { " + c.does + " }\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(bin, "-count=1", ".")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if failed := errors.As(err, new(*exec.ExitError)); failed != c.fails || !failed && err != nil || !strings.Contains(string(out), c.says) {
			t.Errorf("with %q: %v, want failure %v, and %q in:\n%s", c.does, err, c.fails, c.says, out)
		}
	}
}
