package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
)

// A site is a mistake that can be planted: text in the place of the bytes from..to
// of a file.
type site struct {
	file     string
	from, to int
	text     string
	number   int // by which it is chosen, once it is compiled
	line     int
	at       place
	fn       string // the function it is in
	in       block  // and where that is
	body     body
	old      string // the source line as it is, trimmed
	new      string // and with the mistake
}

// is reports whether the two are the same mistake.
func (m site) is(o site) bool {
	return m.file == o.file && m.from == o.from && m.to == o.to && m.text == o.text
}

// A body is that of a function, between its braces.
type body struct {
	from, to int
	results  string // the function's, as they are written
	recovers bool   // it calls recover
}

func (m site) String() string { return fmt.Sprintf("%s:%d: %s  =>  %s", m.file, m.line, m.old, m.new) }

// key names the mistake for the file of equivalent ones. It survives lines that
// come and go above it.
func (m site) key() string { return fmt.Sprintf("%s %s: %s => %s", m.file, m.fn, m.old, m.new) }

// swaps are operators and what is planted in their place.
var swaps = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.INC: token.DEC, token.DEC: token.INC,
}

// sitesIn finds the mistakes that can be planted in a file: with options, only those
// of options that are given in vain.
func sitesIn(file string, options bool) ([]site, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := finder{file: file, src: string(src), fset: fset}
	for _, d := range tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || isText(fn) {
			continue
		}
		f.fn, f.in, f.body = fn.Name.Name, block{f.place(fn.Pos()), f.place(fn.End())}, f.bodyOf(fn)
		if options {
			f.inVain(fn)
		} else {
			ast.Inspect(fn.Body, f.visit)
		}
	}
	return f.sites, nil
}

// isText reports whether fn only words something: what a String method says is
// compared by no caller.
func isText(fn *ast.FuncDecl) bool {
	return fn.Recv != nil && (fn.Name.Name == "String" || fn.Name.Name == "GoString")
}

// bodyOf tells of fn's body.
func (f *finder) bodyOf(fn *ast.FuncDecl) body {
	b := body{from: f.offset(fn.Body.Lbrace + 1), to: f.offset(fn.Body.Rbrace)}
	if fn.Type.Results != nil {
		b.results = f.text(fn.Type.Results)
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && isName(call.Fun, "recover") {
			b.recovers = true
		}
		_, inner := n.(*ast.FuncLit)
		return !inner
	})
	return b
}

type finder struct {
	file, src, fn string
	in            block
	body          body
	fset          *token.FileSet
	sites         []site
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if to, ok := swaps[n.Op]; ok {
			f.swap(n.OpPos, n.Op, to)
		}
	case *ast.IncDecStmt:
		f.swap(n.TokPos, n.Tok, swaps[n.Tok])
	case *ast.AssignStmt:
		if to, ok := swaps[n.Tok]; ok {
			f.swap(n.TokPos, n.Tok, to)
		}
		if n.Tok == token.ASSIGN {
			f.drop(n)
		}
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); ok && isName(call.Fun, "panic") {
			return false // it tells of what cannot happen
		}
		f.drop(n)
	case *ast.DeferStmt:
		f.drop(n)
	case *ast.GoStmt, *ast.SendStmt:
		f.drop(n)
	case *ast.BranchStmt:
		if n.Label == nil && n.Tok == token.CONTINUE {
			f.put(n.Pos(), n.End(), "break")
		}
	case *ast.IfStmt:
		if !isEquality(n.Cond) { // which the swap of == and != negates
			f.put(n.Cond.Pos(), n.Cond.End(), "!("+f.text(n.Cond)+")")
		}
	case *ast.CallExpr:
		if isName(n.Fun, "make") {
			return false // how much room there is to begin with
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.put(n.OpPos, n.X.Pos(), "")
		}
	case *ast.ReturnStmt:
		for _, r := range n.Results {
			switch {
			case isName(r, "true"):
				f.put(r.Pos(), r.End(), "false")
			case isName(r, "false"):
				f.put(r.Pos(), r.End(), "true")
			case isName(r, "err"):
				f.put(r.Pos(), r.End(), "nil")
			}
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			if v, err := strconv.ParseInt(n.Value, 0, 32); err == nil {
				f.put(n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
			}
		}
	}
	return true
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func isEquality(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	return ok && (b.Op == token.EQL || b.Op == token.NEQ)
}

func (f *finder) text(n ast.Node) string {
	return f.src[f.offset(n.Pos()):f.offset(n.End())]
}

func (f *finder) place(p token.Pos) place {
	at := f.fset.Position(p)
	return place{at.Line, at.Column}
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *finder) swap(at token.Pos, from, to token.Token) {
	f.put(at, at+token.Pos(len(from.String())), to.String())
}

// drop takes a statement away; what it has declared or imported may then be unused,
// and the mistake does not compile.
func (f *finder) drop(n ast.Node) { f.put(n.Pos(), n.End(), "") }

func (f *finder) put(from, to token.Pos, text string) {
	a, b := f.offset(from), f.offset(to)
	begin := strings.LastIndexByte(f.src[:a], '\n') + 1
	end := len(f.src)
	if i := strings.IndexByte(f.src[b:], '\n'); i >= 0 {
		end = b + i
	}
	f.sites = append(f.sites, site{
		file: f.file, from: a, to: b, text: text, line: f.place(from).Line, at: f.place(from), fn: f.fn, in: f.in, body: f.body,
		old: short(f.src[begin:end]), new: short(f.src[begin:a] + text + f.src[b:end]),
	})
}

// short puts lines of source into one, without the comment behind them.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if code, _, ok := strings.Cut(" "+s, " // "); ok {
		s = strings.TrimSpace(code)
	}
	if len(s) > 160 {
		s = s[:160] + "..."
	}
	if s == "" {
		return "(nothing)"
	}
	return s
}
