package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// What TestRestarts shows it shows of the lines that the README prints: newDocumentedClient
// makes its pool, breakers and Set with the same options, and adds none but a listener. Else the
// promises of those who copy them would be nobody's.
func TestTheDocumentedClientIsTheREADMEs(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(readme), "The calling side:\n\n```go\n")
	lines, _, ok := strings.Cut(lines, "```")
	if !ok {
		t.Fatal("the README has no lines of the calling side")
	}
	printed := optionsIn(t, "package p\nfunc callSum() (int, error) {\n"+lines+"\n}", "callSum")
	source, err := os.ReadFile("client.go")
	if err != nil {
		t.Fatal(err)
	}
	played := slices.DeleteFunc(optionsIn(t, string(source), "newDocumentedClient"),
		func(o string) bool { return o == "breaker.WithListener(w.changed)" })
	if len(printed) < 4 || !slices.Equal(printed, played) {
		t.Errorf("the README's options are\n%s\nand those that are played\n%s", strings.Join(printed, "\n"), strings.Join(played, "\n"))
	}
}

// optionsIn returns the options in a function's calls, as they are written, in order. The
// receiver of a field, as in c.breakers, is no part of them.
func optionsIn(t *testing.T, source, function string) (options []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != function {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(name.Sel.Name, "With") {
				var text bytes.Buffer
				if err := printer.Fprint(&text, token.NewFileSet(), call); err != nil {
					t.Fatal(err)
				}
				options = append(options, strings.ReplaceAll(text.String(), "(c.", "("))
			}
			return true
		})
	}
	return options
}
