package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// checkWaits tells where, in the tests below root, a test's own goroutine waits
// without a bound: for a channel, in a select without a way out by time, or in a
// method Wait. What never comes is then a failure, with a name, and no test binary
// that somebody has to kill: see internal/bounded.
func checkWaits(root string) (faults []string, err error) {
	err = eachGoFile(root, func(name string) error {
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, at := range waitsIn(file) {
			faults = append(faults, fmt.Sprintf("%s:%d waits without a bound: use internal/bounded", name, fset.Position(at).Line))
		}
		return nil
	})
	return faults, err
}

// eachGoFile calls visit with the name of each Go file below root, those of nested modules too.
func eachGoFile(root string, visit func(name string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || path != root && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name))
	})
}

// waitsIn finds the waits without a bound in functions that get a test, or bench.
func waitsIn(file *ast.File) (at []token.Pos) {
	ast.Inspect(file, func(n ast.Node) bool {
		var body *ast.BlockStmt
		switch fn := n.(type) {
		case *ast.FuncDecl:
			if getsTest(fn.Type) {
				body = fn.Body
			}
		case *ast.FuncLit: // of a table of subtests
			if getsTest(fn.Type) {
				body = fn.Body
			}
		}
		if body == nil {
			return true
		}
		w := waits{timers: timersIn(body)}
		w.walk(body)
		at = append(at, w.found...)
		return false
	})
	return at
}

// getsTest reports whether a function has a parameter *testing.T, *testing.F or testing.TB.
func getsTest(t *ast.FuncType) bool {
	return slices.ContainsFunc(t.Params.List, func(f *ast.Field) bool {
		typ := f.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		s, ok := typ.(*ast.SelectorExpr)
		return ok && isIdent(s.X, "testing") && slices.Contains([]string{"T", "F", "TB"}, s.Sel.Name)
	})
}

// timersIn are the variables of a function that it makes by time.After.
func timersIn(fn ast.Node) map[string]bool {
	timers := make(map[string]bool)
	ast.Inspect(fn, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && bounds(a.Rhs[0]) {
			if id, ok := a.Lhs[0].(*ast.Ident); ok {
				timers[id.Name] = true
			}
		}
		return true
	})
	return timers
}

type waits struct {
	found  []token.Pos
	timers map[string]bool
}

// walk looks at what the goroutine of the test runs itself: not at the functions
// that it hands to others.
func (w *waits) walk(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit: // of a table of subtests
			return getsTest(n.Type)
		case *ast.GoStmt:
			return false
		case *ast.DeferStmt:
			w.statement(n.Call)
			return false
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok {
				w.statement(call)
				return false
			}
		case *ast.CallExpr:
			w.call(n)
			return false
		case *ast.SelectStmt:
			w.choice(n)
			return false
		case *ast.UnaryExpr:
			if n.Op == token.ARROW && !bounds(n.X) {
				w.found = append(w.found, n.Pos())
			}
		}
		return true
	})
}

// statement looks at a call whose result, if it has one, is not used: the Wait of a
// WaitGroup is one, that of a process is not.
func (w *waits) statement(c *ast.CallExpr) {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Wait" && len(c.Args) == 0 && !isIdent(s.X, "synctest") {
		w.found = append(w.found, c.Pos())
		return
	}
	w.call(c)
}

// call looks at the arguments of a call, and at the functions that it runs at once.
func (w *waits) call(c *ast.CallExpr) {
	s, method := c.Fun.(*ast.SelectorExpr)
	if lit, ok := c.Fun.(*ast.FuncLit); ok {
		w.walk(lit.Body)
	} else {
		w.walk(c.Fun)
	}
	runs := method && (s.Sel.Name == "Cleanup" || s.Sel.Name == "Run" || s.Sel.Name == "Test" && isIdent(s.X, "synctest"))
	for _, a := range c.Args {
		if lit, ok := a.(*ast.FuncLit); ok {
			if runs || getsTest(lit.Type) {
				w.walk(lit.Body)
			}
			continue
		}
		w.walk(a)
	}
}

// choice looks at a select: one of its cases has to come in time.
func (w *waits) choice(s *ast.SelectStmt) {
	bounded := false
	for _, c := range s.Body.List {
		comm := c.(*ast.CommClause)
		if comm.Comm == nil {
			bounded = true
		} else {
			ast.Inspect(comm.Comm, func(n ast.Node) bool {
				if r, ok := n.(*ast.UnaryExpr); ok && r.Op == token.ARROW {
					id, ok := r.X.(*ast.Ident)
					bounded = bounded || bounds(r.X) || ok && w.timers[id.Name]
				}
				return true
			})
		}
		for _, stmt := range comm.Body {
			w.walk(stmt)
		}
	}
	if !bounded {
		w.found = append(w.found, s.Pos())
	}
}

// bounds reports whether a channel is one of time: time.After(d), a timer's or a
// ticker's C, or the Done of a context, which tests make with a time.
func bounds(ch ast.Expr) bool {
	switch ch := ch.(type) {
	case *ast.CallExpr:
		s, ok := ch.Fun.(*ast.SelectorExpr)
		return ok && (s.Sel.Name == "After" && isIdent(s.X, "time") || s.Sel.Name == "Done" && isIdent(s.X, "ctx"))
	case *ast.SelectorExpr:
		return ch.Sel.Name == "C"
	}
	return false
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
