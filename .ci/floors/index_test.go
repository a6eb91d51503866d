package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// files writes files below a new folder, and returns that.
func files(t *testing.T, texts map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range texts {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestIndex(t *testing.T) {
	const head = "# Examples\n\n| example | shows | commands | takes |\n|---|---|---|---|\n"
	root := files(t, map[string]string{
		"examples/one/main.go":       "// Command one.\npackage main\n",
		"examples/two/two.go":        "package two\n",
		"examples/two/server/m.go":   "package main\n",
		"examples/two/client/m.go":   "package main\n",
		"examples/three/go.mod":      "module x\n",
		"examples/three/before/m.go": "package main\n",
		"examples/four/four.go":      "package four\n",
		"examples/five/five.go":      "package five\n",
		"examples/six/six.go":        "package six\n",
		indexFile: head +
			"| [one](one) | a call | `go run ./examples/one` | 1 s |\n" +
			"| [two](two) | two | `go run ./examples/two/server -listen :1` | 1 s |\n" +
			"| [three](three) | a module | `go run -C examples/three ./before` | 1 s |\n" +
			"| [four](four) | tests | `go test ./examples/four` | |\n" +
			"| [six](six) | tests | `go test ./examples/six` | 1 s |\n" +
			"| [seven](seven) | nothing | `go test ./examples/seven` | 1 s |\n",
	})
	got, err := checkIndex(root)
	want := []string{
		indexFile + ": five is missing, or what it shows, its commands, or how long they take",
		indexFile + ": four is missing, or what it shows, its commands, or how long they take",
		indexFile + ": the row of two lacks the command go run ./examples/two/client",
		indexFile + ": there is no example seven",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}

func TestOptions(t *testing.T) {
	root := files(t, map[string]string{
		"breaker/a.go": "package breaker\ntype Option func()\nfunc WithShown() Option { return nil }\nfunc WithHidden(n int) Option { return nil }\n" +
			"func WithTested() Option { return nil }\nfunc unexported() Option { return nil }\nfunc NewGroup(o ...Option) *int { return nil }\n" +
			"type GetOptions struct{}\nfunc (o *GetOptions) WithLeft() {}\nfunc (o *GetOptions) Identity() {}\n",
		"breaker/example_test.go":           "package breaker_test\nimport (\"context\"; \"" + modulePath + "/breaker\")\nfunc ExampleNewGroup() { context.WithHidden(breaker.NewGroup(breaker.WithShown())) }\n",
		"breaker/a_test.go":                 "package breaker\nfunc TestX() { WithTested() }\n",
		"transport/protocoltest/options.go": "package protocoltest\ntype Option func()\nfunc Method() Option { return nil }\n",
	})
	var pkgs []listed
	for _, dir := range []string{"breaker", "transport/protocoltest"} {
		var p listed
		if err := json.Unmarshal([]byte(`{"ImportPath": "`+modulePath+"/"+dir+`", "Module": {"Main": true}}`), &p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	got, err := checkOptions(root, pkgs)
	want := []string{
		"breaker.WithHidden: no godoc example shows this option",
		"breaker.WithLeft: no godoc example shows this option",
		"breaker.WithTested: no godoc example shows this option",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v; want %q", got, err, want)
	}
}
