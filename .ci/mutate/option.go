package main

import (
	"go/ast"
	"go/token"
	"strings"
)

// An option is an exported function whose result is called Option and is, in turn, a
// function. The mistake is that what it sets is not set, though it refuses what it
// refuses: a user gives it in vain.

// inVain plants that in fn, if it is an option, at each place where it sets something.
func (f *finder) inVain(fn *ast.FuncDecl) {
	if fn.Recv != nil || !fn.Name.IsExported() || fn.Type.Results == nil || len(fn.Type.Results.List) != 1 ||
		!strings.HasSuffix(f.text(fn.Type.Results.List[0].Type), "Option") {
		return
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		r, ok := n.(*ast.ReturnStmt)
		if !ok || len(r.Results) != 1 {
			return true
		}
		ast.Inspect(r.Results[0], func(n ast.Node) bool { // it may be handed to what checks its value first
			option, ok := n.(*ast.FuncLit)
			if ok && len(option.Type.Params.List) == 1 {
				before := len(f.sites)
				ast.Inspect(option.Body, f.unset)
				if len(f.sites) == before {
					f.put(option.Body.Lbrace+1, option.Body.Rbrace, "")
				}
			}
			return !ok
		})
		return false
	})
}

// unset plants the mistake in an assignment to a field, but for the list of what is
// refused, and in the address of one, in whose place it puts another's.
func (f *finder) unset(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		to := f.text(n.Lhs[0])
		if _, field := n.Lhs[0].(*ast.SelectorExpr); !field || n.Tok != token.ASSIGN || len(n.Lhs) != len(n.Rhs) || refusals(to) {
			return true
		}
		var blanks, values []string
		for _, v := range n.Rhs {
			blanks, values = append(blanks, "_"), append(values, "any("+f.text(v)+")")
		}
		f.put(n.Pos(), n.End(), strings.Join(blanks, ", ")+" = "+strings.Join(values, ", "))
		return false
	case *ast.UnaryExpr:
		if _, field := n.X.(*ast.SelectorExpr); field && n.Op == token.AND && !refusals(f.text(n.X)) {
			f.put(n.Pos(), n.End(), "plantedElsewhere("+f.text(n)+")")
		}
	}
	return true
}

// refusals reports whether a field holds the errors of options.
func refusals(field string) bool {
	return strings.HasSuffix(field, ".invalid") || strings.HasSuffix(field, ".err") || strings.HasSuffix(field, ".errs")
}
