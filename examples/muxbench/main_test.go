package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/examples/muxbench/check"
	"github.com/muxkit/muxkit/examples/muxbench/harness"
	"github.com/muxkit/muxkit/internal/pages"
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

// What the pages have typed is understood, and what they measure can be planned.
func TestCommandsOfTheDocs(t *testing.T) {
	found, words := 0, regexp.MustCompile(`'[^']*'|\S+`)
	for _, p := range pages.All(t, "../..") {
		for _, command := range p.Commands() {
			typed, is := strings.CutPrefix(command, "go run . ")
			if !is || !strings.HasPrefix(p.Path, "docs/performance/") {
				continue
			}
			found++
			typed, _, _ = strings.Cut(typed, " #")
			args := words.FindAllString(strings.ReplaceAll(typed, "$D", "../../docs"), -1)
			for i, a := range args {
				args[i] = strings.Trim(a, "'")
			}
			if err := run(append(args, "-plan"), io.Discard, io.Discard); err != nil {
				t.Errorf("%s: %s: %v", p.Path, command, err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d commands", found)
	}
}

// The pages and the plots are what the program writes of the results that are kept beside them. (Those of
// docs/performance/closed-loop.md and redis.md are not kept.)
func TestPagesAreFresh(t *testing.T) {
	const docs = "../../docs/"
	for _, c := range []struct {
		results, flags string
		plots          bool
		pages          []string
	}{
		{"performance/results.jsonl", "", true, []string{"performance.md", "performance/targets.md", "performance/method.md"}},
		{"performance/growth.jsonl", "-growth callers,nodes,sizes,sizes-client ", false, []string{"performance/growth.md"}},
	} {
		dir := t.TempDir()
		var copies []string
		for _, page := range c.pages {
			copies = append(copies, filepath.Join(dir, filepath.Base(page)))
			if err := os.WriteFile(copies[len(copies)-1], []byte(pages.Read(t, docs+page)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		args := c.flags + "-from " + docs + c.results + " -markdown " + strings.Join(copies, ",")
		if c.plots {
			args += " -plots " + dir
		}
		if err := run(strings.Fields(args), io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
		plots, err := filepath.Glob(filepath.Join(dir, "*.svg"))
		if err != nil || (len(plots) > 0) != c.plots {
			t.Fatal(plots, err)
		}
		for _, plot := range plots {
			c.pages = append(c.pages, "performance/"+filepath.Base(plot))
		}
		for _, page := range c.pages {
			if pages.Read(t, filepath.Join(dir, filepath.Base(page))) != pages.Read(t, docs+page) {
				t.Errorf("docs/%s is not what -from docs/%s writes: see docs/performance/method.md", page, c.results)
			}
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
	args := "-nodes 20 -duration 500ms -warmup 20ms"
	if err := run(strings.Fields(args), &out, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"each called once, then idle", "1 caller at each node", "`trpc`", "`muxkit`", "nodes=20"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

// TestCheck runs what -check runs. Who measures and who is measured are processes, whose windows need not be the same on
// a machine that has much else to do: a program that cannot be trusted is found each time.
func TestCheck(t *testing.T) {
	b, err := harness.NewBench(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Duration, b.Warmup = 500*time.Millisecond, 100*time.Millisecond
	var report bytes.Buffer
	for range 3 {
		report.Reset()
		if err = check.Run(b, &report); err == nil {
			return
		}
	}
	t.Errorf("%v\n%s", err, &report)
}
