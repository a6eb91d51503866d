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
	write("breaker/a.go", "package p\nfunc f() {\n\tif errors.Is(err, context.Canceled) {}\n\t// errors.Is(err, io.EOF)\n}\nvar s interface{ Sent() bool }\n")
	write("breaker/s.go", "package p\ntype sender interface {\n\tSent() bool\n}\nfunc (e E) Is(err error) bool { return err == context.Canceled }\n")
	write("endpoint/b.go", "package p\nvar x = errors.Is(cause, muxpool.ErrPoolClosed) // why\nvar v = verdict.Of(err)\n")
	write("endpoint/c.go", "package p\nvar a, b = errors.Is(\n\terr, io.EOF), err == io.EOF\nvar c = err == context.Canceled\nfunc f() {\n\tswitch err {\n\tcase net.ErrClosed:\n\t}\n}\n")
	write("endpoint/b_test.go", "package p\nvar x = errors.Is(err, io.EOF)\n")
	write("endpoint/own/go.mod", "module own\n")
	write("endpoint/own/c.go", "package p\nvar x = errors.Is(err, io.EOF)\n")
	write("transport/service_conn.go", "package p\nvar x = errors.Is(err, io.EOF)\n")
	write("transport/service_packet.go", "package p\n")
	faults, err := checkJudgement(root)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(faults, "\n")
	want := []string{"breaker/a.go:3 ", "breaker/a.go:6 ", "breaker/s.go:2 ", "endpoint/b.go:2 ", "endpoint/c.go:2 ", "endpoint/c.go:4 ", "endpoint/c.go:7 ", "transport/service_packet.go judges nothing"}
	for _, want := range want {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not found:\n%s", want, got)
		}
	}
	if len(faults) != len(want) {
		t.Errorf("found too much:\n%s", got)
	}
}
