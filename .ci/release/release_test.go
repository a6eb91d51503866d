package main

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSetRequired(t *testing.T) {
	const before = `module m

require github.com/muxkit/muxkit v0.0.0

require (
	github.com/muxkit/muxkit v0.0.0
	github.com/muxkit/muxkit/transport/protobuf v0.1.0 // indirect
	github.com/muxkit/muxkitten v0.0.0
)

replace github.com/muxkit/muxkit => ../..
`
	want := strings.ReplaceAll(before, "github.com/muxkit/muxkit v0.0.0", "github.com/muxkit/muxkit v0.2.0")
	if got := setRequired(before, modulePath, "v0.2.0"); got != want {
		t.Errorf("made\n%s", got)
	}
}

func TestVersions(t *testing.T) {
	for v, want := range map[string]bool{"v0.1.0": true, "v1.10.2": true, "v0.1.0-rc.1": true, "v2.0.0": false, "0.1.0": false, "v0.1": false, "v0.01.0": false} {
		if versions.MatchString(v) != want {
			t.Errorf("%s is a version: %v", v, !want)
		}
	}
}

// repository makes one with two modules.
func repository(t *testing.T) (root string, modules []*module) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"LICENSE":                    "Do what you like.\n",
		"go.mod":                     "module " + modulePath + "\n\ngo 1.25\n",
		"muxpool/pool.go":            "package muxpool\n",
		"muxpool/vendor/x/x.go":      "package x\n",
		"muxpool/internal/deep/d.go": "package deep\n",
		".gitignore":                 "/bin/\n",
		"bin/left.go":                "package left\n",
		"codec/fast/go.mod":          "module " + modulePath + "/codec/fast\n\ngo 1.25\n\nrequire " + modulePath + " v0.0.0\n\nreplace " + modulePath + " => ../..\n",
		"codec/fast/fast.go":         "package fast\n\nimport _ \"" + modulePath + "/muxpool\"\n",
		"codec/fast/cmd/main.go":     "package main\n\nfunc main() {}\n",
		"docs/changelog.md":          "# Changelog\n\n## Unreleased\n\n### Added\n- all of it\n\n## v0.0.1\n\n- less\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v: %s", err, out)
	}
	modules, err := modulesIn(root)
	if err != nil {
		t.Fatal(err)
	}
	mark(modules, []string{"codec/fast"})
	return root, modules
}

func TestModules(t *testing.T) {
	_, modules := repository(t)
	if len(modules) != 2 {
		t.Fatalf("found %d modules, want 2", len(modules))
	}
	root, fast := modules[0], modules[1]
	if root.had || !fast.had || root.tag("v0.1.0") != "v0.1.0" || fast.tag("v0.1.0") != "codec/fast/v0.1.0" {
		t.Errorf("had %v, %v; tags %s, %s", root.had, fast.had, root.tag("v0.1.0"), fast.tag("v0.1.0"))
	}
	if want := []pkg{{modulePath + "/muxpool", false}, {modulePath + "/muxpool/vendor/x", false}}; !slices.Equal(root.packages(), want) {
		t.Errorf("the root's packages are %v, want %v", root.packages(), want)
	}
	if want := []pkg{{modulePath + "/codec/fast/cmd", true}, {modulePath + "/codec/fast", false}}; !slices.Equal(fast.packages(), want) {
		t.Errorf("the other's are %v, want %v", fast.packages(), want)
	}
}

func TestZipHoldsWhatATagWould(t *testing.T) {
	_, modules := repository(t)
	for i, want := range [][]string{
		{".gitignore", "LICENSE", "docs/changelog.md", "go.mod", "muxpool/internal/deep/d.go", "muxpool/pool.go"},
		{"LICENSE", "cmd/main.go", "fast.go", "go.mod"},
	} {
		m := modules[i]
		var packed bytes.Buffer
		z := zip.NewWriter(&packed)
		if err := m.pack(z, "v0.1.0", "module changed\n"); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.File {
			name, ok := strings.CutPrefix(f.Name, m.path+"@v0.1.0/")
			if !ok {
				t.Errorf("%s is not below the module", f.Name)
			}
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", m.path, got, want)
		}
	}
}

// TestAStrangersFaultIsFound: what only the checkout has, a stranger misses.
func TestAStrangersFaultIsFound(t *testing.T) {
	root, modules := repository(t)
	s := stranger{root: root, work: t.TempDir(), version: madeUp}
	build := func() error {
		t.Helper()
		for _, m := range modules {
			if err := m.serve(filepath.Join(s.work, "proxy"), modules, s.version); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.settle(modules); err != nil {
			t.Fatal(err)
		}
		s.env = append(s.env, "GOPROXY=file://"+filepath.Join(s.work, "proxy")) // nobody else is asked
		return s.build("codec/fast", "", modules[1])
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	t.Run("a package of the root that is ignored", func(t *testing.T) {
		text := "package fast\n\nimport _ \"" + modulePath + "/bin\"\n"
		if err := os.WriteFile(filepath.Join(root, "codec/fast/fast.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.work = t.TempDir()
		if err := build(); err == nil || !strings.Contains(err.Error(), modulePath+"/bin") {
			t.Errorf("the stranger built: %v", err)
		}
	})
}

func TestCloseChangelog(t *testing.T) {
	root, _ := repository(t)
	for range 2 {
		err := closeChangelog(root, "v0.1.0")
		text, readErr := os.ReadFile(filepath.Join(root, "docs/changelog.md"))
		if readErr != nil {
			t.Fatal(readErr)
		}
		const want = "# Changelog\n\n## Unreleased\n\n## v0.1.0\n\n### Added\n- all of it\n\n## v0.0.1\n\n- less\n"
		if string(text) != want {
			t.Errorf("made %q", text)
		}
		if err == nil {
			continue
		}
		return // the second time nothing is unreleased
	}
	t.Error("a section without entries was released")
}

// TestNestedModules: each go.mod of this repository follows docs/decisions/0031.
func TestNestedModules(t *testing.T) {
	modules, err := modulesIn("../..")
	if err != nil {
		t.Fatal(err)
	}
	required := regexp.MustCompile(`(?m)^(?:require|\t) ?` + modulePath + `(/\S+)? (v\S+)`)
	replaced := regexp.MustCompile(`(?m)^(?:replace |\t)` + modulePath + `(/\S+)? => (\S+)$`)
	versions := make(map[string]bool)
	for _, m := range modules {
		if err := m.named(); err != nil {
			t.Error(err)
		}
		if m.dir == "." {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.root, m.dir, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		places := make(map[string]string)
		for _, r := range replaced.FindAllStringSubmatch(string(text), -1) {
			places[r[1]] = r[2]
		}
		found := required.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s does not require the root", m.dir)
		}
		for _, r := range found {
			versions[r[2]] = true
			if got, want := filepath.Join(m.dir, places[r[1]]), filepath.Join(".", r[1]); places[r[1]] == "" || got != want {
				t.Errorf("%s: %s%s is replaced by %q, which is %s", m.dir, modulePath, r[1], places[r[1]], got)
			}
		}
	}
	if len(versions) > 1 {
		t.Errorf("modules of this repository are required at several versions: %v", versions)
	}
}

// The commands that are left to do commit all that a release changes, and tag what is
// to be had.
func TestWhatIsLeftToDo(t *testing.T) {
	root := t.TempDir()
	sh := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
		return string(out)
	}
	sh("git init -q -b main; git init -q --bare origin; git remote add origin origin; echo origin >.gitignore; mkdir -p .ci/api; echo a | tee go.mod .ci/api/a.txt; git add .; git commit -qm a")
	sh("echo b | tee go.mod .ci/api/a.txt .ci/api/new.txt") // what a release does
	modules := []*module{{dir: ".", path: modulePath, had: true}, {dir: "a/b", path: modulePath + "/a/b", had: true}, {dir: "tool", path: modulePath + "/tool"}}
	sh(left(modules, "v0.1.0"))
	if rest := sh("git status --porcelain"); rest != "" {
		t.Errorf("not committed:\n%s", rest)
	}
	if tags := sh("git ls-remote -q --tags --refs origin | cut -f 2"); tags != "refs/tags/a/b/v0.1.0\nrefs/tags/v0.1.0\n" {
		t.Errorf("pushed the tags\n%s", tags)
	}
}
