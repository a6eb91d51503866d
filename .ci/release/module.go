package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A module of this repository.
type module struct {
	dir   string   // from the root, with slashes; "." is the root
	path  string   // by which it is required
	root  string   // the folder of the repository
	had   bool     // it is tagged: one of its packages is promised
	files []string // what it consists of, from the root
}

// modulesIn lists the modules of a repository, the root first, with the files that
// git knows or would.
func modulesIn(root string) ([]*module, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []string
	var modules []*module
	for _, f := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(root, f)); err != nil || !info.Mode().IsRegular() {
			continue // deleted, or no part of a module
		}
		files = append(files, f)
		if path.Base(f) == "go.mod" && !strings.Contains("/"+f, "/testdata/") {
			dir := path.Dir(f)
			modules = append(modules, &module{dir: dir, path: path.Join(modulePath, dir), root: root})
		}
	}
	slices.SortFunc(modules, func(a, b *module) int { return strings.Compare(a.path, b.path) })
	if len(modules) == 0 || modules[0].dir != "." {
		return nil, errors.New("there is no go.mod in the root")
	}
	for _, f := range files {
		owner := modules[0]
		for _, m := range modules[1:] {
			if strings.HasPrefix(f, m.dir+"/") && len(m.dir) > len(owner.dir) {
				owner = m
			}
		}
		owner.files = append(owner.files, f)
	}
	return modules, nil
}

// toRelease are the modules of a repository, those marked that are to be had.
func toRelease(root string) ([]*module, error) {
	modules, err := modulesIn(root)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "run", "./.ci/api", "-list")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the promised packages: %w", err)
	}
	mark(modules, strings.Fields(string(out)))
	return modules, nil
}

// mark marks the modules that have one of the packages, which are named from the root.
func mark(modules []*module, promised []string) {
	for _, m := range modules {
		m.had = slices.ContainsFunc(m.files, func(f string) bool { return slices.Contains(promised, path.Dir(f)) })
	}
}

// named reports whether go.mod says what the module is called here.
func (m *module) named() error {
	text, err := os.ReadFile(filepath.Join(m.root, m.dir, "go.mod"))
	if err == nil && !bytes.HasPrefix(text, []byte("module "+m.path+"\n")) {
		err = fmt.Errorf("%s/go.mod does not begin with module %s", m.dir, m.path)
	}
	return err
}

// tag is what git calls a version of the module.
func (m *module) tag(version string) string { return path.Join(m.dir, version) }

// require sets the version of those of modules that m requires.
func (m *module) require(modules []*module, version string) error {
	name := filepath.Join(m.root, m.dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	changed := string(text)
	for _, other := range modules {
		changed = setRequired(changed, other.path, version)
	}
	if changed == string(text) {
		return nil
	}
	return os.WriteFile(name, []byte(changed), 0o644)
}

// setRequired sets the version of a module in the require lines of a go.mod.
func setRequired(gomod, modulePath, version string) string {
	lines := strings.Split(gomod, "\n")
	for i, line := range lines {
		words := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(words) >= 2 && words[0] == modulePath && strings.HasPrefix(words[1], "v") {
			lines[i] = strings.Replace(line, words[0]+" "+words[1], words[0]+" "+version, 1)
		}
	}
	return strings.Join(lines, "\n")
}

// closeChangelog gives what stands under Unreleased to the version.
func closeChangelog(root, version string) error {
	name := filepath.Join(root, "docs/changelog.md")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	const heading = "\n## Unreleased\n"
	head, rest, ok := strings.Cut(string(text), heading)
	section, _, _ := strings.Cut(rest, "\n## ")
	if !ok || strings.TrimSpace(section) == "" {
		return errors.New("docs/changelog.md has nothing under Unreleased")
	}
	return os.WriteFile(name, []byte(head+heading+"\n## "+version+"\n"+rest), 0o644)
}
