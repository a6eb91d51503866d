package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed testdata/program.go
var program string

// strangers builds, outside of the repository, a program for each module that
// requires it alone, and one that requires all that are to be had together, which
// also runs.
func strangers(root, version string) error {
	modules, err := toRelease(root)
	if err != nil {
		return err
	}
	s, err := newStranger(root, version, modules)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.work)
	var had []*module
	failed := false
	for _, m := range modules {
		if !m.had {
			continue // a tool, or tests: nobody requires it
		}
		had = append(had, m)
		failed = !s.tell(m.dir, s.build(m.dir, "", m)) || failed
	}
	failed = !s.tell(fmt.Sprintf("%d together", len(had)), s.build("together", program, had...)) || failed
	if failed {
		return errors.New("a stranger cannot build what is above")
	}
	return nil
}

type stranger struct {
	root, work, version string
	env                 []string
	sums                []byte // of what the modules require
	began               time.Time
}

// newStranger gives somebody a folder of his own, and a module proxy on disk that has the modules as
// they are now. Who is given him removes s.work.
func newStranger(root, version string, modules []*module) (s *stranger, err error) {
	work, err := os.MkdirTemp("", "stranger")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(work)
		}
	}()
	s = &stranger{root: root, work: work, version: version}
	for _, m := range modules {
		if err := errors.Join(m.named(), m.serve(filepath.Join(work, "proxy"), modules, version)); err != nil {
			return nil, err
		}
	}
	return s, s.settle(modules)
}

// settle prepares the environment: a module cache of its own, and the proxies.
func (s *stranger) settle(modules []*module) error {
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	cache, proxies, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	s.env = append(os.Environ(),
		"GOPROXY=file://"+filepath.ToSlash(filepath.Join(s.work, "proxy"))+",file://"+filepath.ToSlash(filepath.Join(cache, "cache/download"))+","+proxies,
		"GOMODCACHE="+filepath.Join(s.work, "cache"), "GONOSUMDB="+modulePath, "GOFLAGS=-mod=mod -modcacherw -trimpath", "GOWORK=off")
	for _, m := range modules {
		text, err := os.ReadFile(filepath.Join(s.root, m.dir, "go.sum"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		s.sums = append(s.sums, text...)
	}
	return nil
}

// build builds a program that imports all packages of modules, and the commands of
// them; a program that has a text of its own is run.
func (s *stranger) build(name, text string, modules ...*module) error {
	s.began = time.Now()
	dir := filepath.Join(s.work, "programs", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	gomod, imports := "module stranger.example\n\ngo 1.25\n\nrequire (\n", "package main\n\nimport (\n"
	var commands []string
	for _, m := range modules {
		gomod += "\t" + m.path + " " + s.version + "\n"
		for _, p := range m.packages() {
			if p.command {
				commands = append(commands, p.path)
			} else {
				imports += fmt.Sprintf("\t_ %q\n", p.path)
			}
		}
	}
	if text == "" {
		text = "package main\n\nfunc main() {}\n"
	}
	for file, text := range map[string]string{"go.mod": gomod + ")\n", "go.sum": string(s.sums), "imports.go": imports + ")\n", "main.go": text} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := s.in(dir, "build", "-o", "program", "."); err != nil {
		return err
	}
	for _, c := range commands {
		if err := s.in(dir, "build", "-o", "command", c); err != nil {
			return err
		}
	}
	if err := s.chose(dir, modules); err != nil {
		return err
	}
	if text != program {
		return nil
	}
	out, err := exec.Command(filepath.Join(dir, "program")).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "42" {
		return fmt.Errorf("the program ended with %v and said %q, not 42", err, out)
	}
	return nil
}

// chose checks that the modules are those of the proxy, and not replaced.
func (s *stranger) chose(dir string, modules []*module) error {
	for _, m := range modules {
		cmd := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.Dir}} {{with .Replace}}replaced{{end}}", m.path)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, s.env, os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("go list -m %s: %w", m.path, err)
		}
		if want := s.version + " " + filepath.Join(s.work, "cache"); !bytes.HasPrefix(out, []byte(want)) || bytes.Contains(out, []byte("replaced")) {
			return fmt.Errorf("%s was had as %q", m.path, out)
		}
	}
	return nil
}

func (s *stranger) in(dir string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// tell says how a build ended and reports whether well.
func (s *stranger) tell(what string, err error) bool {
	if err != nil {
		fmt.Printf("FAILED  %s: %v\n", what, err)
		return false
	}
	fmt.Printf("ok      %s, %.0f s\n", what, time.Since(s.began).Seconds())
	return true
}

// An importable package, or a command, of a module.
type pkg struct {
	path    string
	command bool
}

// packages finds the packages that others can import, or build, in the module's
// files.
func (m *module) packages() (all []pkg) {
	for _, f := range m.files {
		dir := path.Dir(f)
		if !strings.HasSuffix(f, ".go") || strings.HasSuffix(f, "_test.go") || closed(dir) {
			continue
		}
		name, ok := packageName(filepath.Join(m.root, f))
		p := pkg{path.Join(modulePath, dir), name == "main"}
		if ok && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// closed reports whether nobody outside can import what is in dir.
func closed(dir string) bool {
	return slices.ContainsFunc(strings.Split(dir, "/"), func(part string) bool {
		return part == "internal" || part == "testdata" || strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") && part != "."
	})
}

// packageName reads the package clause of a file; a file that is built only where a
// tag is given has none for us.
func packageName(file string) (name string, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil || bytes.Contains(text, []byte("\n//go:build ignore")) || bytes.HasPrefix(text, []byte("//go:build")) {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == "package" {
			return words[1], true
		}
	}
	return "", false
}
