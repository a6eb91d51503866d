package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// unpromised are the packages, with all below them, and the names that are outside of the
// compatibility promise. docs/versioning.md says the same, and why; a test compares
// them.
var unpromised = []string{
	"breaker/gokitpains", "examples", "muxpool/faulttest", "muxpool/muxtest", "muxpool/wire", "transport/trpc/interop", "transport/ttheader/interop", "transport/trpc/trpcpool/old",
	"muxpool/deadline.Context", "muxpool/deadline.Of", "muxpool/deadline.Noticed",
}

// promised reports whether a package, or a name of one, is promised.
func promised(name string) bool {
	for _, p := range unpromised {
		if name == p || strings.HasPrefix(name, p+"/") {
			return false
		}
	}
	return !slices.Contains(strings.Split(name, "/"), "internal")
}

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Name, Export string
	GoFiles                  []string
	DepOnly                  bool
}

// exported returns the lines of each promised package of all modules below dir.
func exported(dir string) (map[string][]string, error) {
	modules, err := modulesIn(dir)
	if err != nil {
		return nil, err
	}
	api := make(map[string][]string)
	for _, m := range modules {
		pkgs, err := listExports(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
		if err := describe(pkgs, api); err != nil {
			return nil, fmt.Errorf("%s: %w", m, err)
		}
	}
	return api, nil
}

// modulesIn lists the folders of the modules below dir.
func modulesIn(dir string) (modules []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || path != dir && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.Name() == "go.mod":
			modules = append(modules, filepath.Dir(path))
		}
		return nil
	})
	return modules, err
}

// listExports compiles the packages of a module, as for Linux on amd64 without cgo,
// so that the lines are the same everywhere.
func listExports(module string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Export,GoFiles,DepOnly", "./...")
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, complaint.Bytes())
	}
	var pkgs []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// describe adds the lines of a module's packages to api.
func describe(pkgs []listed, api map[string][]string) error {
	exports := make(map[string]string)
	for _, p := range pkgs {
		exports[p.ImportPath] = p.Export
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range pkgs {
		name := relative(p.ImportPath)
		if p.DepOnly || p.Name == "main" || len(p.GoFiles) == 0 || !promised(name) {
			continue
		}
		tp, err := imp.Import(p.ImportPath)
		if err != nil {
			return err
		}
		if lines := lines(tp, name); len(lines) > 0 {
			api[name] = lines
		}
	}
	return nil
}

// relative is the import path without the module's.
func relative(pkg string) string { return strings.TrimPrefix(pkg, modulePath+"/") }

// lines tells what a package exports, in order.
func lines(p *types.Package, pkg string) (all []string) {
	short := func(q *types.Package) string {
		if q == p {
			return ""
		}
		return q.Path()
	}
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, name := range p.Scope().Names() {
		o := p.Scope().Lookup(name)
		if !o.Exported() || !promised(pkg+"."+name) {
			continue
		}
		switch o := o.(type) {
		case *types.Const:
			add("const %s %s = %s", name, types.TypeString(o.Type(), short), o.Val())
		case *types.TypeName:
			typeLines(o, short, add)
		case *types.Func:
			add("func %s%s", name, signature(o.Type(), short))
		default:
			add("var %s %s", name, types.TypeString(o.Type(), short))
		}
	}
	slices.Sort(all)
	return all
}

// typeLines tells of a type: what it is, its exported fields, and its methods,
// those that it has from embedded types as well. Of another name for a type that no line
// tells of, since its package is not promised, it tells the same.
func typeLines(o *types.TypeName, short types.Qualifier, add func(string, ...any)) {
	name := o.Name()
	named, ok := types.Unalias(o.Type()).(*types.Named)
	if o.IsAlias() || !ok {
		add("type %s = %s", name, types.TypeString(types.Unalias(o.Type()), short))
		if !ok || named.Obj().Pkg() == nil || promised(relative(named.Obj().Pkg().Path())) {
			return
		}
	}
	parameters := typeParameters(named.TypeParams(), short)
	switch u := named.Underlying().(type) {
	case *types.Struct:
		add("type %s%s struct", name, parameters)
		for i := range u.NumFields() {
			if f := u.Field(i); f.Exported() {
				add("field %s.%s %s", name, f.Name(), types.TypeString(f.Type(), short))
			}
		}
	case *types.Interface:
		closed := ""
		for i := range u.NumMethods() {
			if m := u.Method(i); !m.Exported() {
				closed = ", not for others to implement"
			} else {
				add("interface %s.%s%s", name, m.Name(), signature(m.Type(), short))
			}
		}
		add("type %s%s interface%s", name, parameters, closed)
		return
	default:
		add("type %s%s %s", name, parameters, types.TypeString(u, short))
	}
	values := types.NewMethodSet(named)
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		if !m.Obj().Exported() {
			continue
		}
		receiver := "*" + name
		if values.Lookup(nil, m.Obj().Name()) != nil {
			receiver = name
		}
		add("method %s.%s%s", receiver, m.Obj().Name(), signature(m.Type(), short))
	}
}

func typeParameters(list *types.TypeParamList, short types.Qualifier) string {
	var each []string
	for t := range list.TypeParams() {
		each = append(each, t.Obj().Name()+" "+types.TypeString(t.Constraint(), short))
	}
	if each == nil {
		return ""
	}
	return "[" + strings.Join(each, ", ") + "]"
}

// signature is that of a function without the names of its parameters, which may
// change.
func signature(t types.Type, short types.Qualifier) string {
	s := t.(*types.Signature)
	list := func(tuple *types.Tuple, variadic bool) string {
		var each []string
		for v := range tuple.Variables() {
			each = append(each, types.TypeString(v.Type(), short))
		}
		if variadic {
			last := len(each) - 1
			each[last] = "..." + strings.TrimPrefix(each[last], "[]")
		}
		return "(" + strings.Join(each, ", ") + ")"
	}
	text := typeParameters(s.TypeParams(), short) + list(s.Params(), s.Variadic())
	if s.Results().Len() > 0 {
		text += " " + list(s.Results(), false)
	}
	return text
}
