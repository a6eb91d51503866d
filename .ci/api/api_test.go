package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const before = `package breaker

import (
	"time"

	"github.com/muxkit/muxkit/breaker/internal/deep"
)

type Group struct {
	Limit int
	own   int
}

type Judge interface{ Judge(error) bool }

type Closed interface {
	Known()
	closed()
}

type Pair[A comparable, B any] struct{ First A }

func (g *Group) Close() error { return nil }
func (g Group) Name() string  { return "" }

func New(limit int, d ...time.Duration) (*Group, error) { return nil, nil }
func Map[T any](t T) []T                                { return nil }

type Frame = deep.Frame

const Max = 3

var Default Group
`

const beforeDeep = "package deep\n\nfunc Own() {}\n\ntype Frame struct{ ID int }\n"

func TestAPlantedBreakIsFound(t *testing.T) {
	tests := []struct {
		name, old, new string
		says           string // empty: sound, and nothing of it is told
		sound          bool
	}{
		{"nothing", "own   int", "own   string", "", true},
		{"a parameter is renamed", "limit int", "most int", "", true},
		{"an unexported method", "func New(", "func (g *Group) more() {}\n\nfunc New(", "", true},
		{"a function is added", "func New(", "func More() {}\n\nfunc New(", "new     breaker: func More()", true},
		{"a method is added", "func New(", "func (g *Group) More() {}\n\nfunc New(", "new     breaker: method *Group.More()", true},
		{"a field is added", "own   int", "More  int", "new     breaker: field Group.More int", true},
		{"a method of a closed interface is added", "\tKnown()", "\tKnown()\n\tMore()", "new     breaker: interface Closed.More()", true},
		{"a function goes", "func Map[", "func mapped[", "BROKEN  breaker: func Map[T any](T) ([]T)", false},
		{"a parameter is another", "limit int", "limit int64", "BROKEN  breaker: func New(int, ...time.Duration) (*Group, error)", false},
		{"a result is another", "func (g *Group) Close() error { return nil }", "func (g *Group) Close() {}", "BROKEN  breaker: method *Group.Close() (error)", false},
		{"a method wants a pointer", "(g Group) Name", "(g *Group) Name", "BROKEN  breaker: method Group.Name() (string)", false},
		{"a field goes", "Limit int", "limit int", "BROKEN  breaker: field Group.Limit int", false},
		{"an interface asks more", "Judge(error) bool }", "Judge(error) bool; More() }", "BROKEN  breaker: interface Judge.More()", false},
		{"a field goes of a type that is none of the package's", "ID int", "ID uint", "BROKEN  breaker: field Frame.ID int", false},
		{"a constraint is another", "A comparable", "A any", "BROKEN  breaker: type Pair[A comparable, B any] struct", false},
		{"a constant is another", "Max = 3", "Max = 4", "BROKEN  breaker: const Max untyped int = 3", false},
		{"a variable is another", "Default Group", "Default *Group", "BROKEN  breaker: var Default Group", false},
		{"a break that is told", "func Map[", "func mapped[", "broken  breaker: func Map[T any](T) ([]T)", true},
		{"a method that is told", "func (g Group) Name", "func (g Group) name", "broken  breaker: method Group.Name() (string)", true},
		{"a method of a type of which another is told", "func (g *Group) Close() error { return nil }", "func (g *Group) Close() {}", "BROKEN  breaker: method *Group.Close() (error)", false},
		{"a method of a type that is told", "type Judge interface{ Judge(error) bool }", "type judge interface{ Judge(error) bool }", "broken  breaker: interface Judge.Judge(error) (bool)", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, root, "go.mod", "module "+modulePath+"\n\ngo 1.25\n")
			write(t, root, "breaker/breaker.go", before)
			write(t, root, "breaker/internal/deep/deep.go", beforeDeep)
			write(t, root, ".ci/api/old.txt", "package old\n")
			changelog := "# Changelog\n\n## Unreleased\n\n### Broken\n- `muxpool`: `Map` is another one's.\n- `breaker`: Map, Max, Default and Group are words as well.\n\n### Added\n- `breaker`: Map.\n"
			if strings.HasSuffix(tt.name, " told") {
				changelog = strings.Replace(changelog, "### Added", "- `breaker`: `Map` is\n  gone, as are `Group.Name` and `Judge`.\n\n### Added", 1)
			}
			write(t, root, "docs/changelog.md", changelog)
			if _, err := run(nil, root, true); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(before+beforeDeep, tt.old) {
				t.Fatalf("%q is not there to be changed", tt.old)
			}
			write(t, root, "breaker/breaker.go", strings.Replace(before, tt.old, tt.new, 1))
			write(t, root, "breaker/internal/deep/deep.go", strings.Replace(beforeDeep, tt.old, tt.new, 1))
			var said strings.Builder
			sound, err := run(&said, root, false)
			if err != nil {
				t.Fatal(err)
			}
			if sound != tt.sound || !strings.Contains(said.String(), tt.says) || tt.says == "" && strings.Contains(said.String(), "breaker:") {
				t.Errorf("sound %v, want %v, and %q in:\n%s", sound, tt.sound, tt.says, said.String())
			}
		})
	}
}

// TestVersioningPageNamesWhatIsNotPromised: the page and the check agree.
func TestVersioningPageNamesWhatIsNotPromised(t *testing.T) {
	page, err := os.ReadFile("../../docs/versioning.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## What is outside")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var told []string
	for _, row := range strings.Split(rest, "\n") {
		if name, ok := strings.CutPrefix(row, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			told = append(told, name)
		}
	}
	slices.Sort(told)
	want := slices.Sorted(slices.Values(unpromised))
	if !slices.Equal(told, want) {
		t.Errorf("docs/versioning.md names %q, the check leaves out %q", told, want)
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
