package main

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A step of a page is a file to be written, or commands to be given.
type step struct {
	file, text string
	commands   []command
}

// A command is what stands behind "$ ", with the lines behind "> ", and what it prints: "..." stands
// for anything, and for any lines where it is a line of its own.
type command struct {
	text, want string
}

var named = regexp.MustCompile("^`([^`]+)`(,.*)?:$")

// steps reads a page. A block of code is a file if the line above it is the file's name, and a
// session if it begins with a prompt; other blocks are for people.
func steps(page string) (all []step) {
	above := ""
	lines := strings.Split(page, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if !strings.HasPrefix(line, "```") {
			if line != "" {
				above = line
			}
			continue
		}
		end := i + 1
		for end < len(lines) && lines[end] != "```" {
			end++
		}
		block := lines[i+1 : min(end, len(lines))]
		if name := named.FindStringSubmatch(above); name != nil {
			all = append(all, step{file: name[1], text: strings.Join(block, "\n") + "\n"})
		} else if line == "```" && len(block) > 0 && strings.HasPrefix(block[0], "$ ") {
			all = append(all, step{commands: session(block)})
		}
		above, i = "", end
	}
	return all
}

func session(lines []string) (all []command) {
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, command{text: text})
			continue
		}
		last := &all[len(all)-1]
		if more, ok := strings.CutPrefix(line, "> "); ok && last.want == "" {
			last.text += "\n" + more
			continue
		}
		last.want += line + "\n"
	}
	return all
}

// prints reports whether what a command printed is what the page says.
func (c command) prints(got string) bool {
	if got != "" && !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	pattern := "^"
	for line := range strings.Lines(c.want) {
		if line == "...\n" {
			pattern += `(?:.*\n)*`
			continue
		}
		pattern += strings.ReplaceAll(regexp.QuoteMeta(line), regexp.QuoteMeta("..."), ".*")
	}
	return regexp.MustCompile(pattern + "$").MatchString(got)
}

// goBlocks are a page's blocks of Go.
func goBlocks(page string) (blocks []string) {
	for _, b := range strings.Split(page, "```go\n")[1:] {
		code, _, _ := strings.Cut(b, "```")
		blocks = append(blocks, code)
	}
	return blocks
}

// forTests tells code that only tests have.
var forTests = regexp.MustCompile(`\*testing\.|testing\.TB|protocoltest\.|\bfunc Example|\bpeer struct|\*peer\b|func call\(`)

// plugIn makes a package of a page's blocks of Go, as who reads it would with an editor: what is for
// tests apart, and with the imports that the code needs.
func plugIn(page, pkg string, imports map[string]string) (files map[string]string, err error) {
	code, tests := "package "+pkg+"\n", "package "+pkg+"\n"
	for _, b := range goBlocks(page) {
		if forTests.MatchString(b) {
			tests += "\n" + b
		} else {
			code += "\n" + b
		}
	}
	files = make(map[string]string)
	for name, text := range map[string]string{pkg + ".go": code, pkg + "_test.go": tests} {
		if files[path.Join(pkg, name)], err = withImports(text, imports); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// withImports adds to a file the imports of the packages that it names: imports has their paths.
func withImports(text string, imports map[string]string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", text, 0)
	if err != nil {
		return "", err
	}
	wanted := make(map[string]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok && id.Obj == nil && imports[id.Name] != "" {
				wanted[imports[id.Name]] = true
			}
		}
		return true
	})
	head, rest, _ := strings.Cut(text, "\n")
	head += "\n\nimport (\n"
	for _, p := range slices.Sorted(maps.Keys(wanted)) {
		head += fmt.Sprintf("\t%q\n", p)
	}
	b, err := format.Source([]byte(head + ")\n" + rest))
	return string(b), err
}
