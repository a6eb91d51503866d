package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// unshown are packages whose options need no example: they are for tests, whose authors have
// the tests of the protocols that are here.
var unshown = []string{"transport/protocoltest"}

// checkOptions tells which option of a package of the root module is used in none of its
// godoc examples. An option is an exported function that returns a type called Option, or
// something with Option at its end, and a method With... of GetOptions.
func checkOptions(root string, pkgs []listed) (faults []string, err error) {
	for _, p := range pkgs {
		dir := relative(p.ImportPath)
		if !p.own() || strings.Contains("/"+dir+"/", "/internal/") || strings.HasPrefix(dir, "examples/") || slices.Contains(unshown, dir) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		var options []string
		shown := make(map[string]bool)
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			if !strings.HasSuffix(name, "_test.go") {
				options = append(options, optionsIn(file)...)
			} else if hasExample(file) {
				ast.Inspect(file, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.Ident:
						shown[n.Name] = true
					case *ast.SelectorExpr: // of another package it is another's, as context.WithTimeout is
						pkg, ok := n.X.(*ast.Ident)
						return !ok || slices.Contains([]string{"", dir}, imported(file, pkg.Name))
					}
					return true
				})
			}
		}
		slices.Sort(options)
		for _, o := range options {
			if !shown[o] {
				faults = append(faults, fmt.Sprintf("%s.%s: no godoc example shows this option", dir, o))
			}
		}
	}
	return faults, nil
}

// optionsIn are the names of the options that a file has.
func optionsIn(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !fn.Name.IsExported() {
			continue
		}
		switch {
		case fn.Recv == nil && fn.Type.Results != nil && len(fn.Type.Results.List) == 1:
			if id, ok := fn.Type.Results.List[0].Type.(*ast.Ident); ok && strings.HasSuffix(id.Name, "Option") {
				names = append(names, fn.Name.Name)
			}
		case fn.Recv != nil && strings.HasPrefix(fn.Name.Name, "With") && strings.HasSuffix(receiver(fn), "Options"):
			names = append(names, fn.Name.Name)
		}
	}
	return names
}

func receiver(fn *ast.FuncDecl) string {
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, _ := t.(*ast.Ident)
	if id == nil {
		return ""
	}
	return id.Name
}

// hasExample reports whether a file has an Example function.
func hasExample(file *ast.File) bool {
	return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example")
	})
}
