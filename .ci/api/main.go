// Command api compares what the modules of this repository promise with what they
// promised at the last release, which .ci/api holds: a file for each package, a line
// for each name. Run it in the repository's root:
//
//	go run ./.ci/api          tell what is new, and which breaks docs/changelog.md
//	                          does not name under "Broken" of "Unreleased"
//	go run ./.ci/api -write   write the files anew; .ci/release does
//	go run ./.ci/api -list    list the packages that are promised, as of now
//
// What is added is no break, but for a method of an interface that others can
// implement. docs/versioning.md says what else users are asked to do without.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	folder     = ".ci/api"
	modulePath = "github.com/muxkit/muxkit"
)

func main() {
	write := flag.Bool("write", false, "write the files anew")
	list := flag.Bool("list", false, "list the packages that are promised")
	flag.Parse()
	if *list {
		if err := listPromised(os.Stdout, "."); err != nil {
			fmt.Fprintln(os.Stderr, "api:", err)
			os.Exit(2)
		}
		return
	}
	sound, err := run(os.Stdout, ".", *write)
	if err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(2)
	}
	if !sound {
		os.Exit(1)
	}
}

func listPromised(w io.Writer, root string) error {
	now, err := exported(root)
	for _, pkg := range slices.Sorted(maps.Keys(now)) {
		fmt.Fprintln(w, pkg)
	}
	return err
}

// run compares, or writes, the files of the repository in root.
func run(w io.Writer, root string, write bool) (sound bool, err error) {
	now, err := exported(root)
	if err != nil {
		return false, err
	}
	if write {
		return true, writeFiles(filepath.Join(root, folder), now)
	}
	before, err := readFiles(filepath.Join(root, folder))
	if err != nil {
		return false, err
	}
	changelog, err := os.ReadFile(filepath.Join(root, "docs/changelog.md"))
	if err != nil {
		return false, err
	}
	told := toldBreaks(string(changelog))
	sound = true
	var fresh, broken int
	changes := compare(before, now)
	for _, c := range changes {
		switch {
		case !c.breaks:
			fresh++
			fmt.Fprintln(w, "new    ", c.line)
		case names(told, c.line, changes):
			broken++
			fmt.Fprintln(w, "broken ", c.line)
		default:
			sound = false
			fmt.Fprintln(w, "BROKEN ", c.line)
		}
	}
	fmt.Fprintf(w, "%d packages: %d lines are new, %d broken as docs/changelog.md says\n", len(now), fresh, broken)
	if !sound {
		fmt.Fprintln(w, `a break that users are not told of: name it, with its package, in docs/changelog.md under "Unreleased", "Broken"`)
	}
	return sound, nil
}

// fileOf is the name of a package's file.
func fileOf(pkg string) string { return strings.ReplaceAll(pkg, "/", "-") + ".txt" }

func writeFiles(folder string, now map[string][]string) error {
	old, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	for pkg, lines := range now {
		text := strings.Join(append([]string{"package " + pkg}, lines...), "\n") + "\n"
		if err := os.WriteFile(filepath.Join(folder, fileOf(pkg)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func readFiles(folder string) (map[string][]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	before := make(map[string][]string)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		head, rest, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
		pkg, ok := bytes.CutPrefix(head, []byte("package "))
		if !ok {
			return nil, fmt.Errorf("%s does not begin with its package", name)
		}
		before[string(pkg)] = strings.Split(string(rest), "\n")
	}
	if len(before) == 0 {
		return nil, fmt.Errorf("there are no files in %s", folder)
	}
	return before, nil
}
