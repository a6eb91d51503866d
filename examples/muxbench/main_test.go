package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/examples/muxbench/check"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// TestMain lets the test binary be its own children, as the program is.
func TestMain(m *testing.M) {
	if harness.RunChild() {
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) // some rivals start goroutines in init
}

func TestFlagsRefuseWhatMakesNoSense(t *testing.T) {
	for args, want := range map[string]string{
		"-rounds 0":                "-rounds",
		"-duration -1s":            "-duration",
		"-sizes 15":                `"15"`,
		"-sizes 128,x":             `"x"`,
		"-callers 0":               `"0"`,
		"-net udp":                 `"udp"`,
		"-contenders nobody":       `"nobody"`,
		"-contenders [":            `"["`,
		"surplus":                  `"surplus"`,
		"-nodes -1":                "-nodes",
		"-nodes 1000000":           "-nodes",
		"-from does-not-exist":     "does-not-exist",
		"-contenders raw -sizes ,": `""`,
	} {
		err := run(strings.Fields(args), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that names %s", args, err, want)
		}
	}
}

// TestRun goes the whole way: measure, save, read again, and write every form.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	file, doc := filepath.Join(dir, "r.json"), filepath.Join(dir, "doc.md")
	if err := os.WriteFile(doc, []byte("before\n<!-- muxbench: throughput -->\nold\n<!-- end -->\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := "-contenders raw,muxkit,muxkit-chain+deadline -sizes 128 -callers 2 -rounds 2 -duration 500ms -warmup 20ms -json " + file
	if err := run(strings.Fields(args), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	var table, again bytes.Buffer
	if err := run([]string{"-from", file, "-markdown", doc}, &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-from", file, "-targets", "-plots", dir}, &again, io.Discard); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"table": table.String(), "targets": again.String(), "document": harness.ReadText(doc)} {
		if !strings.Contains(text, "muxkit") || strings.Contains(text, "failed in round") || strings.Contains(text, "old") {
			t.Errorf("%s:\n%s", what, text)
		}
	}
}

// TestNodes measures clients of a few nodes.
func TestNodes(t *testing.T) {
	var out bytes.Buffer
	args := "-nodes 20 -duration 50ms -warmup 20ms"
	if err := run(strings.Fields(args), &out, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"each called once, then idle", "1 caller at each node", "`trpc`", "`muxkit`", "nodes=20"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

// TestCheck runs what -check runs.
func TestCheck(t *testing.T) {
	b, err := harness.NewBench(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Duration, b.Warmup = 500*time.Millisecond, 100*time.Millisecond
	var report bytes.Buffer
	if err := check.Run(b, &report); err != nil {
		t.Errorf("%v\n%s", err, &report)
	}
}
