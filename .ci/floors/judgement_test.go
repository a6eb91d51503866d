package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneJudgement(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("breaker/a.go", "if errors.Is(err, context.Canceled) {}\n// errors.Is(err, io.EOF)\nvar s interface{ Sent() bool }\n")
	write("endpoint/b.go", "x := errors.Is(cause, muxpool.ErrPoolClosed) // why\nv := verdict.Of(err)\n")
	write("endpoint/b_test.go", "errors.Is(err, io.EOF)\n")
	write("endpoint/own/go.mod", "module own\n")
	write("endpoint/own/c.go", "errors.Is(err, io.EOF)\n")
	write("transport/service_conn.go", "errors.Is(err, io.EOF)\n")
	faults, err := checkJudgement(root)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(faults, "\n")
	for _, want := range []string{"breaker/a.go:1 ", "breaker/a.go:3 ", "endpoint/b.go:1 "} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not found:\n%s", want, got)
		}
	}
	if len(faults) != 3 {
		t.Errorf("found too much:\n%s", got)
	}
}
