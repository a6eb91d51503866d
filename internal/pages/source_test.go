package pages_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

const root = "../.."

// source is what the Go files of all modules here are made of.
type source struct {
	text  string          // of all of them, flat
	names map[string]bool // words, wherever they stand but in comments
	tests map[string]bool // functions of tests, benchmarks and examples
}

var words = regexp.MustCompile(`\w+`)

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)

// readSource reads them once. A file that nobody compiles does not count.
var readSource = sync.OnceValue(func() source {
	s := source{names: map[string]bool{}, tests: map[string]bool{}}
	t := new(panics)
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text := pages.Read(t, path)
		if strings.Contains(text, "//go:build ignore") {
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
				s.tests[m[1]], s.names[m[1]] = true, true
			}
		}
		if strings.HasSuffix(filepath.Dir(path), "/internal/pages") {
			return nil // its examples of code and names are none
		}
		all.WriteString(text + "\n")
		var code scanner.Scanner
		code.Init(token.NewFileSet().AddFile(path, -1, len(text)), []byte(text), nil, 0)
		for {
			_, tok, name := code.Scan()
			if tok == token.EOF {
				return nil
			}
			switch tok {
			case token.IDENT:
				s.names[name] = true
			case token.STRING:
				for _, word := range words.FindAllString(name, -1) {
					s.names[word] = true
				}
			}
		}
	})
	if err != nil {
		panic(err)
	}
	s.text = pages.Flat(all.String())
	return s
})

// panics is a testing.TB for what is read once for several tests.
type panics struct{ testing.TB }

func (*panics) Helper()           {}
func (*panics) Fatal(args ...any) { panic(args) }
