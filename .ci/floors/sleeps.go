package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// checkSleeps tells where a test below root sleeps on a real clock, and the line does not say what for. A sleep is no way
// to wait for others: it is too long on each machine but the slowest, and too short there. What a loop does between two
// looks is none; nor is one in a bubble of testing/synctest.
func checkSleeps(root string) (faults []string, err error) {
	h := houses{fset: token.NewFileSet(), rooms: map[string][]*declared{}, makers: map[string]map[string]bool{}}
	if err := h.read(root); err != nil {
		return nil, err
	}
	h.findMakers()
	for _, room := range slices.Sorted(maps.Keys(h.rooms)) {
		h.findBubbles(room)
		for _, d := range h.rooms[room] {
			if d.test && !d.bubble {
				faults = append(faults, h.sleeps(d)...)
			}
		}
	}
	return faults, nil
}

// houses are all folders with Go code.
type houses struct {
	fset   *token.FileSet
	rooms  map[string][]*declared     // by folder
	makers map[string]map[string]bool // by folder, the functions that begin bubbles
}

// declared is a function, or a variable.
type declared struct {
	name   string
	node   ast.Node
	file   *ast.File
	test   bool // in a file of tests
	bubble bool // it runs in bubbles, or begins some
}

// begins reports whether nobody in Go calls it: a test, for one.
func (d *declared) begins() bool {
	return slices.ContainsFunc([]string{"Test", "Fuzz", "Benchmark", "Example", "init", "main"}, func(p string) bool { return strings.HasPrefix(d.name, p) })
}

func (h *houses) read(root string) error {
	return eachGoFile(root, func(name string) error {
		file, err := parser.ParseFile(h.fset, filepath.Join(root, name), nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		room, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				h.rooms[room] = append(h.rooms[room], &declared{d.Name.Name, d, file, test, false})
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						h.rooms[room] = append(h.rooms[room], &declared{v.Names[0].Name, v, file, test, false})
					}
				}
			}
		}
		return nil
	})
}

// findMakers finds the functions that begin bubbles: those that name synctest.Test, or one of them.
func (h *houses) findMakers() {
	for found := true; found; {
		found = false
		for room, all := range h.rooms {
			for _, d := range all {
				if !d.bubble && h.makes(room, d) {
					d.bubble, found = true, true
					if _, ok := d.node.(*ast.FuncDecl); ok && !d.begins() {
						if h.makers[room] == nil {
							h.makers[room] = map[string]bool{}
						}
						h.makers[room][d.name] = true
					}
				}
			}
		}
	}
}

func (h *houses) makes(room string, d *declared) (makes bool) {
	ast.Inspect(d.node, func(n ast.Node) bool {
		var f ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			f = n.Fun
		case *ast.KeyValueExpr: // of a table
			f = n.Value
		}
		switch f := f.(type) {
		case *ast.Ident:
			makes = makes || h.makers[room][f.Name]
		case *ast.SelectorExpr:
			makes = makes || isIdent(f.X, "synctest") && f.Sel.Name == "Test" || h.makers[room][f.Sel.Name]
			if pkg, ok := f.X.(*ast.Ident); ok {
				makes = makes || h.makers[imported(d.file, pkg.Name)][f.Sel.Name]
			}
		}
		return !makes
	})
	return makes
}

// imported is the folder of the package that a file calls so.
func imported(file *ast.File, name string) string {
	for _, i := range file.Imports {
		full := strings.Trim(i.Path.Value, `"`)
		if i.Name == nil && path.Base(full) == name || i.Name != nil && i.Name.Name == name {
			return relative(full)
		}
	}
	return ""
}

// findBubbles finds what only runs in bubbles: whoever mentions it does.
func (h *houses) findBubbles(room string) {
	mentions := map[string][]*declared{} // who mentions a name
	for _, d := range h.rooms[room] {
		seen := map[string]bool{}
		ast.Inspect(d.node, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && !seen[id.Name] {
				seen[id.Name] = true
				mentions[id.Name] = append(mentions[id.Name], d)
			}
			return true
		})
	}
	for found := true; found; {
		found = false
		for _, d := range h.rooms[room] {
			others := slices.DeleteFunc(slices.Clone(mentions[d.name]), func(o *declared) bool { return o.name == d.name })
			outside := func(o *declared) bool { return !o.bubble }
			if !d.bubble && !d.begins() && len(others) > 0 && !slices.ContainsFunc(others, outside) {
				d.bubble, found = true, true
			}
		}
	}
}

// sleeps are those in d of which nothing says what for.
func (h *houses) sleeps(d *declared) (faults []string) {
	between, either, alone := map[ast.Node]bool{}, map[ast.Node]bool{}, map[ast.Node]bool{} // two looks; the cases of a select; what else is waited for
	ast.Inspect(d.node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			if post, ok := n.Post.(*ast.ExprStmt); ok {
				between[post.X] = true
			}
		case *ast.CommClause:
			either[n.Comm] = true
		case *ast.ExprStmt:
			if wait, ok := n.X.(*ast.UnaryExpr); ok && wait.Op == token.ARROW && !either[n] {
				alone[wait.X] = true
			}
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || !isIdent(s.X, "time") || between[n] || s.Sel.Name != "Sleep" && !(s.Sel.Name == "After" && alone[n]) {
				return true
			}
			at := h.fset.Position(n.Pos())
			says := func(g *ast.CommentGroup) bool { return h.fset.Position(g.Pos()).Line == at.Line }
			if !slices.ContainsFunc(d.file.Comments, says) {
				faults = append(faults, fmt.Sprintf("%s:%d sleeps on a real clock: wait for what is meant, or say on the line what for", filepath.ToSlash(at.Filename), at.Line))
			}
		}
		return true
	})
	return faults
}
