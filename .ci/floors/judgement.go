package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sentinel matches errors whose meaning verdict knows, and tells the methods of errors that say something of it.
var (
	sentinel = regexp.MustCompile(`^(context\.(Canceled|DeadlineExceeded)|(muxpool|ratelimit|gobreaker|lb|net|os)\.Err\w+|io\.(EOF|ErrUnexpectedEOF))$`)
	tells    = regexp.MustCompile(`^(Sent|Neutral|Refused|Timeout|Temporary)$`)
)

// judges are the folders whose errors of calls only muxpool/verdict may judge.
var judges = []string{"breaker", "endpoint", "transport"}

// ofConnections are files that judge the end of a connection or of a listener, or what
// reading a frame met, not a call.
var ofConnections = map[string]bool{
	"transport/service_conn.go": true, "transport/service_listen.go": true, "transport/service_packet.go": true,
}

// checkJudgement tells where in the tree below root errors of calls are judged
// outside of muxpool/verdict. Modules of their own are not looked at.
func checkJudgement(root string) (faults []string, err error) {
	for _, dir := range judges {
		if _, err := os.Stat(filepath.Join(root, dir)); os.IsNotExist(err) {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(root, path)
			name = filepath.ToSlash(name)
			if d.IsDir() {
				if name == "transport/protocoltest" { // it judges plug-ins
					return filepath.SkipDir
				}
				if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return nil
			}
			found, err := judgesIn(path)
			if ofConnections[name] {
				if len(found) == 0 && err == nil {
					faults = append(faults, name+" judges nothing any more: it needs no place in ofConnections")
				}
				return err
			}
			for _, line := range found {
				faults = append(faults, fmt.Sprintf("%s:%d judges an error itself: ask muxpool/verdict", name, line))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return faults, nil
}

// judgesIn returns the numbers of the lines of a file that find out for themselves what an error of a call means. A
// method Is only says what an error of its own is, and what is compared with io.EOF is a reader's, not a call's.
func judgesIn(path string) (lines []int, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	known := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		return ok && sentinel.MatchString(types.ExprString(s))
	}
	compared := func(e ast.Expr) bool { return known(e) && !isIdent(e.(*ast.SelectorExpr).X, "io") }
	ast.Inspect(file, func(n ast.Node) bool {
		judges := false
		switch n := n.(type) {
		case *ast.FuncDecl:
			return n.Recv == nil || n.Name.Name != "Is"
		case *ast.CallExpr:
			name := types.ExprString(n.Fun)
			judges = (name == "errors.Is" || name == "errors.As") && slices.ContainsFunc(n.Args, known)
		case *ast.BinaryExpr:
			judges = (n.Op == token.EQL || n.Op == token.NEQ) && (compared(n.X) || compared(n.Y))
		case *ast.CaseClause:
			judges = slices.ContainsFunc(n.List, compared)
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				judges = judges || len(m.Names) == 1 && tells.MatchString(m.Names[0].Name)
			}
		}
		if judges {
			lines = append(lines, fset.Position(n.Pos()).Line)
		}
		return true
	})
	return lines, nil
}
