package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSteps(t *testing.T) {
	got := steps("# A page\n\n`a/b.go`:\n\n```go\npackage b\n```\n\nText, and what is for people:\n\n```sh\nrm -rf /\n```\n\n```\n$ one\n$ for x in 1; do\n>  two\n> done\n1\n...\n```\n\n`c.yaml`, which is good:\n\n```yaml\nc: 1\n```\n\n```\nno prompt\n```\n")
	want := []step{
		{file: "a/b.go", text: "package b\n"},
		{commands: []command{{"one", ""}, {"for x in 1; do\n two\ndone", "1\n...\n"}}},
		{file: "c.yaml", text: "c: 1\n"},
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("read %q, not %q", got, want)
	}
}

var block = regexp.MustCompile("(?ms)^ *```([^\n]*)\n(.*?)^ *```")

// ours begins a line with a command that is at hand here, as those for docker are not.
var ours = regexp.MustCompile(`(?m)^ *(\$ )?(bin/\w+|curl|go|muxcall) `)

// leftOut is a block of Go, or of commands that are at hand, which is in none of the page's steps.
func leftOut(page string, all []step) string {
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		session := m[1] == "" && strings.HasPrefix(m[2], "$ ")
		written := func(s step) bool { return strings.Contains(s.text, m[2]) }
		if !session && (m[1] == "go" || ours.MatchString(m[2])) && !slices.ContainsFunc(all, written) {
			return m[2]
		}
	}
	return ""
}

// TestLeftOut: nobody has to wonder whether a block of a page is tried.
func TestLeftOut(t *testing.T) {
	const file = "`a.go`:\n\n```go\npackage a\n\nvar b = 1\n```\n\n"
	for block, want := range map[string]string{
		"```\n$ go run .\n1\n```\n":            "",
		"```go\nvar b = 1\n```\n":              "", // a part of the file
		"```sh\ndocker build .\n```\n":         "",
		"```go\nvar b = 2\n```\n":              "var b = 2\n",
		"```sh\ngo run .\n```\n":               "go run .\n",
		"```\n# why\n$ go run .\n```\n":        "# why\n$ go run .\n",
		"- so\n\n  ```sh\n  go run .\n  ```\n": "  go run .\n",
	} {
		if got := leftOut(file+block, steps(file+block)); got != want {
			t.Errorf("of %q %q is left out, want %q", block, got, want)
		}
	}
	page, err := os.ReadFile("../../" + walk)
	if err != nil {
		t.Fatal(err)
	}
	if left := leftOut(string(page), steps(string(page))); left != "" {
		t.Errorf("nobody tries what %s has here:\n%s", walk, left)
	}
}

func TestPrints(t *testing.T) {
	for _, c := range []struct {
		want, got string
		is        bool
	}{
		{"", "", true},
		{"", "x\n", false},
		{"a\n", "a\n", true},
		{"a\n", "a", true},
		{"a\n", "a\nb\n", false},
		{"a\n", "", false},
		{"...\n", "", true},
		{"...\n", "x\ny\n", true},
		{"a ... c\n", "a b c\n", true},
		{"a ... c\n", "a b\nc\n", false},
		{"a\n...\nb\n", "a\nx\ny\nb\n", true},
		{"a\n...\nb\n", "a\nx\ny\n", false},
		{"a.c\n", "abc\n", false},
	} {
		if got := (command{want: c.want}).prints(c.got); got != c.is {
			t.Errorf("%q is %q: %v", c.got, c.want, got)
		}
	}
}

// TestFollowerNotices: what a page gets wrong fails it.
func TestFollowerNotices(t *testing.T) {
	enough := []step{{file: "d/a", text: "x\n"}, {file: "b"}, {file: "c"}, {file: "e"}, {file: "f"}}
	for range 20 {
		enough = append(enough, step{commands: []command{{"cat d/a", "x\n"}}})
	}
	for name, c := range map[string]struct {
		last  command
		fault string
	}{
		"all is well":           {command{"sleep 60 & cat afternoon/x # ./afternoon", "plug\n"}, ""},
		"it prints otherwise":   {command{"echo y", "x\n"}, "prints\ny"},
		"it fails":              {command{"echo y; false", "y\n"}, "ends with 1"},
		"it ends the shell":     {command{"exit 0", ""}, "the shell has ended"},
		"it says no, and fails": {command{"echo no: x; false", "no: x\n"}, ""},
	} {
		f := follower{dir: t.TempDir(), plug: map[string]string{"afternoon/x": "plug\n"}}
		err := f.follow(append(enough[:len(enough):len(enough)], step{commands: []command{c.last}}))
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&follower{dir: t.TempDir()}).follow(enough[:5]); err == nil {
		t.Error("a page without commands is followed")
	}
}

func TestPlugIn(t *testing.T) {
	page := "```go\nconst header = 9\n```\n```go\nfunc f(r io.Reader) transport.Node { return transport.Node{} }\n```\n```go\nfunc TestF(t *testing.T) { f(nil) }\n```\n"
	files, err := plugIn(page, "p", map[string]string{"io": "io", "transport": "m/transport", "testing": "testing", "net": "net"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "package p\n\nimport (\n\t\"io\"\n\t\"m/transport\"\n)\n\nconst header = 9\n\nfunc f(r io.Reader) transport.Node { return transport.Node{} }\n"; files["p/p.go"] != want {
		t.Errorf("made\n%s", files["p/p.go"])
	}
	if want := "package p\n\nimport (\n\t\"testing\"\n)\n\nfunc TestF(t *testing.T) { f(nil) }\n"; files["p/p_test.go"] != want {
		t.Errorf("made\n%s", files["p/p_test.go"])
	}
}

// walked are the files of the page.
func walked(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../" + walk)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, s := range steps(string(text)) {
		files[s.file] = s.text
	}
	return files
}

// TestImageOfThePage: what the Dockerfile builds is the page's server, without cgo, as there is no
// libc where it runs; what it copies and starts is what it has built; and it is given no keys. Its Go
// has no version: whoever follows the page may have a newer one than any that stood there.
func TestImageOfThePage(t *testing.T) {
	files := walked(t)
	image := regexp.MustCompile(`^FROM golang:1 AS (\w+)\nWORKDIR /\w+\nCOPY \. \.\nRUN CGO_ENABLED=0 go build -o (\S+) \./(\w+)\n\n` +
		`FROM scratch\nCOPY --from=(\w+) (\S+) (\S+)\nENTRYPOINT \["(\S+)"\]\n$`).FindStringSubmatch(files["deploy/Dockerfile"])
	if image == nil {
		t.Fatalf("another Dockerfile than was tried by hand:\n%s", files["deploy/Dockerfile"])
	}
	stage, built, program, from, copied, to, started := image[1], image[2], image[3], image[4], image[5], image[6], image[7]
	if from != stage || copied != built || started != to || files[program+"/main.go"] == "" {
		t.Errorf("builds %s of %s in %s, copies %s of %s to %s, starts %s", built, program, stage, copied, from, to, started)
	}
	if ignored := strings.Fields(files[".dockerignore"]); !slices.Contains(ignored, "certs") || !slices.Contains(ignored, "bin") {
		t.Errorf("docker build is given everything but %v", ignored)
	}
}

// TestDeploymentOfThePage: the container's arguments are flags of the page's server, and its times fit into each other.
func TestDeploymentOfThePage(t *testing.T) {
	files := walked(t)
	flags := make(map[string]bool)
	for _, m := range regexp.MustCompile(`flag\.\w+\("(\w+)"`).FindAllStringSubmatch(files["server/main.go"], -1) {
		flags[m[1]] = true
	}
	args := regexp.MustCompile(`args: \[(.*)\]`).FindStringSubmatch(files["deploy/greet.yaml"])
	if len(flags) < 4 || args == nil {
		t.Fatalf("flags %v, arguments %v", flags, args)
	}
	for _, arg := range strings.Split(args[1], ", ") {
		if name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); !flags[name] {
			t.Errorf("the server knows no %s", arg)
		}
	}
	var drain, grace, all int
	for what, in := range map[*int][2]string{
		&drain: {args[1], `-drain=(\d+)s`}, &grace: {files["server/main.go"], `WithTimeout\(.*, (\d+)\*time\.Second\)`},
		&all: {files["deploy/greet.yaml"], `terminationGracePeriodSeconds: (\d+)`}} {
		if m := regexp.MustCompile(in[1]).FindStringSubmatch(in[0]); m == nil {
			t.Errorf("nothing is like %s", in[1])
		} else if _, err := fmt.Sscan(m[1], what); err != nil {
			t.Error(err)
		}
	}
	if drain+grace >= all {
		t.Errorf("%d s and %d s are to fit into %d s", drain, grace, all)
	}
}
