package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

const productionPage = "../../docs/production.md"

// All code of the page is this program's, and all of wiring.go is on the page.
func TestDocs(t *testing.T) {
	if n := pages.Compiled(t, productionPage, "*.go"); n < 8 {
		t.Errorf("%d blocks of code", n)
	}
	page, source := pages.Read(t, productionPage), pages.Read(t, "wiring.go")
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "wiring.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	printed := 0
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		code := source[fset.Position(d.Pos()).Offset:fset.Position(d.End()).Offset]
		if printed++; !strings.Contains(page, code+"\n") {
			t.Errorf("the page lacks this part of wiring.go:\n%s", code)
		}
	}
	if printed < 8 {
		t.Errorf("wiring.go has %d parts", printed)
	}
}

// What the page has typed does something: commands of this program are understood, and the scenes are
// a step of CI; others are run beside a process.
func TestCommandsOfTheDocs(t *testing.T) {
	skipUnlessSignals(t)
	p, bin := newProcess(t, stock), t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, "shop")); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/muxkit/muxkit/examples/muxcall").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	said := map[string]string{}
	steps := pages.Read(t, "../../.ci/steps/examples.sh")
	ran := 0
	for _, block := range strings.Split(pages.Read(t, productionPage), "```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			ran++
			if args, ok := strings.CutPrefix(line, "go run -C examples/shop ."); ok {
				if _, err := parse(strings.Fields(args), strings.NewReader(""), io.Discard, io.Discard); err != nil {
					t.Errorf("%s: %v", line, err)
				}
				if args != "" && !strings.Contains(steps, line+"\n") {
					t.Errorf("%s: .ci/steps runs nothing like it", line)
				}
				continue
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(line, "curl -s", "curl -sf", 1))
			cmd.Env = append(os.Environ(), "OPS="+p.ops, "PID="+strconv.Itoa(p.cmd.Process.Pid), "NODE="+p.address, "DIR="+filepath.Dir(p.log),
				"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
			text, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s", line, err, text)
			}
			said[line] = string(text)
		}
	}
	if ran < 9 {
		t.Errorf("%d commands", ran)
	}
	for of, want := range map[string]string{"muxcall describe": "nonce  string", "stock.Look '{": `"nonce":"1","price"`, "muxcall top": "0 nodes, 0 out"} {
		for line, text := range said {
			if strings.Contains(line, of) && !strings.Contains(text, want) {
				t.Errorf("%s says no %q:\n%s", line, want, text)
			}
		}
	}
}

// The times of the page's example for Kubernetes fit into each other, and its container's arguments
// are understood.
func TestDeploymentOfTheDocs(t *testing.T) {
	page := pages.Read(t, productionPage)
	found := regexp.MustCompile(`terminationGracePeriodSeconds: (\d+)`).FindStringSubmatch(page)
	args := regexp.MustCompile(`args: \[(.*)\]`).FindStringSubmatch(page)
	probe := regexp.MustCompile(`periodSeconds: (\d+), failureThreshold: (\d+)`).FindStringSubmatch(page)
	if found == nil || args == nil || probe == nil {
		t.Fatal("the page has no such example")
	}
	words := strings.Split(args[1], ", ")
	if _, err := parse(words, strings.NewReader(""), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	seconds := func(text string) time.Duration {
		t.Helper()
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	flag := func(name string) time.Duration {
		t.Helper()
		for _, w := range words {
			if value, ok := strings.CutPrefix(w, name+"="); ok {
				return seconds(value)
			}
		}
		t.Fatalf("no %s among %v", name, words)
		return 0
	}
	drain, grace, all := flag("-drain"), flag("-grace"), seconds(found[1]+"s")
	if drain+grace >= all {
		t.Errorf("after %v and %v the process is to have ended, and after %v it is killed", drain, grace, all)
	}
	period, failures := seconds(probe[1]+"s"), seconds(probe[2]+"s")
	if seen := period * (failures/time.Second + 1); drain < seen {
		t.Errorf("probes may take %v to see what lasts for %v", seen, drain)
	}
}

// Alerts, metrics and codes that the page names are there.
func TestNamesOfTheDocs(t *testing.T) {
	page := pages.Read(t, productionPage)
	alerts, metrics := pages.Read(t, "../../endpoint/prommux/dashboard/alerts.yml"), pages.Read(t, "../../docs/telemetry.md")
	codes := map[string]bool{}
	for c := range 256 {
		codes[verdict.Code(c).String()] = true
	}
	seen := 0
	check := func(pattern string, is func(name string) bool) {
		t.Helper()
		for _, name := range regexp.MustCompile(pattern).FindAllString(page, -1) {
			if seen++; !is(name) {
				t.Errorf("the page names %s, which there is not", name)
			}
		}
	}
	check(`\bMuxkit[A-Z]\w+`, func(name string) bool { return strings.Contains(alerts, "alert: "+name+"\n") })
	check(`\bmuxkit_\w+`, func(name string) bool { return strings.Contains(metrics, "`"+name+"`") })
	_, table, _ := strings.Cut(page, "| code, whose | it means |")
	for line := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		for _, name := range regexp.MustCompile("`([a-z ]+)`").FindAllStringSubmatch(first, -1) {
			if seen++; !codes[name[1]] {
				t.Errorf("the page explains the code %q, which there is not", name[1])
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d names were found", seen)
	}
}
