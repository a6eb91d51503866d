package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// indexFile is where examples are listed: | [name](name) | what it shows | commands | how long | a row.
const indexFile = "examples/README.md"

var rowOf = regexp.MustCompile(`^\| \[([a-z]+)\]\(([a-z]+)\) \|`)

// checkIndex tells which example, or program of one, is missing on the index, and which row has no
// example, no command or no time.
func checkIndex(root string) (faults []string, err error) {
	dirs, err := filepath.Glob(filepath.Join(root, "examples/*/"))
	if err != nil || len(dirs) == 0 {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, indexFile))
	if err != nil {
		return nil, err
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		if m := rowOf.FindStringSubmatch(line); m != nil && m[1] == m[2] {
			rows[m[1]] = strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		}
	}
	for _, dir := range dirs {
		name := filepath.Base(dir)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		row := rows[name]
		delete(rows, name)
		if len(row) != 4 || slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) == "" }) {
			faults = append(faults, fmt.Sprintf("%s: %s is missing, or what it shows, its commands, or how long they take", indexFile, name))
			continue
		}
		mains, err := programs(dir)
		if err != nil {
			return nil, err
		}
		for _, command := range mains {
			if !strings.Contains(row[2], "`"+command+"`") && !strings.Contains(row[2], "`"+command+" ") {
				faults = append(faults, fmt.Sprintf("%s: the row of %s lacks the command %s", indexFile, name, command))
			}
		}
	}
	for name := range rows {
		faults = append(faults, fmt.Sprintf("%s: there is no example %s", indexFile, name))
	}
	slices.Sort(faults)
	return faults, nil
}

// programs are the commands that run what there is to run of an example, its tests if there is no
// program.
func programs(dir string) (commands []string, err error) {
	name := "./examples/" + filepath.Base(dir)
	run := "go run " + name
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil { // a module of its own
		run, name = "go run -C "+strings.TrimPrefix(name, "./")+" .", "."
	}
	for _, pattern := range []string{"*.go", "*/*.go"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if !regexp.MustCompile(`(?m)^package main$`).Match(text) {
				continue
			}
			command := run
			if within, _ := filepath.Rel(dir, filepath.Dir(file)); within != "." {
				command += "/" + filepath.ToSlash(within)
			}
			if !slices.Contains(commands, command) {
				commands = append(commands, command)
			}
		}
	}
	if len(commands) == 0 {
		commands = []string{"go test " + name}
	}
	return commands, nil
}
