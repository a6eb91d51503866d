package pages_test

import (
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

const oneFile = "package a\n\nfunc f() {\n\ta := 1\n\tif a == 1 {\n\t\tb()\n\t}\n}\n"

// What a check finds, and what it lets pass.
func TestChecks(t *testing.T) {
	const good = "```go\na := 1\n```\n"
	code := func(text string) []string {
		return pages.Uncompiled(pages.Page{Path: "p.md", Text: text}, pages.Flat(oneFile))
	}
	links := func(text string) []string {
		all := []pages.Page{{Path: "docs/p.md", Text: text}, {Path: "docs/q.md", Text: "# One, two\n"}}
		return pages.BrokenLinks(all, func(name string) bool { return name == "README.md" || name == "docs/p.md" || name == "docs/q.md" })
	}
	index := func(text string) []string {
		return pages.Unfound([]pages.Page{{Path: "docs/README.md", Text: text}, {Path: "docs/q.md", Text: "[r](deep/r.md)"},
			{Path: "docs/deep/r.md"}, {Path: "docs/decisions/0001.md"}, {Path: ".github/x.md"}}, "docs/README.md")
	}
	known := func(name string) bool { return name == "TestThis" || name == "WithThis" }
	tests := func(text string) []string { return pages.NoTests(pages.Page{Path: "p.md", Text: text}, known) }
	names := func(text string) []string { return pages.NoNames(pages.Page{Path: "p.md", Text: text}, known) }
	shape := func(text string) []string { return pages.Misshapen(pages.Page{Path: "p.md", Text: text}) }
	long := strings.Repeat("so ", 30) + "on.\n"
	for name, c := range map[string]struct {
		check func(string) []string
		text  string
		fault string // empty: there is none
	}{
		"code as it stands":      {code, good + "text\n```go\nif a == 1 {\n    b()\n}\n```\n", ""},
		"other code":             {code, good + "```go\na := 2\n```\n", "a := 2"},
		"a part of a line":       {code, "```go\n1\n```\n", "nowhere:\n1"},
		"code in a comment":      {code, "```go\n// a := 1\n```\n", "nowhere"},
		"no Go":                  {code, "```sh\ngo test ./...\n```\n```\n$ go test\nok\n```\n", ""},
		"a hidden command":       {code, "```\ngo test\n```\n", "marked as sh"},
		"hidden code":            {code, "```\nx := 1\n```\n", "one of code as go"},
		"code in a list":         {code, "- x\n\n  ```go\n  a := 2\n  ```\n", "a := 2"},
		"hidden calls":           {code, "```\nb.c(1)\n```\n", "one of code as go"},
		"another language":       {code, "```golang\na := 1\n```\n", `"golang" is none of`},
		"links":                  {links, "[a](../README.md) [b](q.md#one-two) [c](#here) [d](https://x.y/z)\n## Here\n`[e](gone.md)`", ""},
		"a link to nothing":      {links, "[a](gone.md)", "docs/p.md links docs/gone.md"},
		"a link with a title":    {links, "[a](gone.md \"A\")", "docs/p.md links docs/gone.md"},
		"a link at the end":      {links, "[a][b]\n\n[b]: gone.md\n", "docs/p.md links docs/gone.md"},
		"a link in HTML":         {links, `<img src="gone.svg">`, "docs/p.md links docs/gone.svg"},
		"a link to no heading":   {links, "[b](q.md#one,-two)", "no heading"},
		"a link to none of here": {links, "[c](#there)", `docs/p.md, which has no heading "there"`},
		"an index":               {index, "[q](q.md#x)", ""},
		"a page is left out":     {index, "[r](deep/r.md)", "leads nobody to docs/q.md"},
		"only by another":        {index, "[r](deep)", "leads nobody to docs/q.md"},
		"a test":                 {tests, "`TestThis/row` and TestThis, a Test", ""},
		"no test":                {tests, "TestThat", "TestThat"},
		"a test in a block":      {tests, "```\nTestThat\n```\n", ""},
		"tables":                 {shape, "one\n\n| a | b |\n|---|:--|\n| `c \\| d` | e |\n\ntwo\n\n| f |\n|---|\n", ""},
		"a table in a text":      {shape, "one\n| a |\n|---|\n", "no empty line before the table | a |"},
		"rows without a head":    {shape, "one\n\n| a | b |\n| c | d |\n", "no head: | a | b |"},
		"a cell too many":        {shape, "| a | b |\n|---|---|\n| c | d | e |\n", "3 cells, its table's head 2: | c"},
		"a table in a list":      {shape, "- x\n\n  | a |\n  |---|\n  | c | d |\n", "2 cells, its table's head 1: | c"},
		"a table without edges":  {shape, "a | b\n---|---\nc | d | e\n", "the rows of tables with |: ---|---"},
		"other fences":           {shape, "~~~go\na := 2\n~~~\n", "blocks begin with"},
		"a line twice":           {shape, long + "other\n" + long, "p.md has this twice: so so"},
		"a short line twice":     {shape, "one\n\none\n", ""},
		"a name":                 {names, "`x.WithThis(1)`, WithThat, `Client`", ""},
		"no name":                {names, "`WithThat`", "WithThat"},
		"no name with TLS":       {names, "`TLSThat` and `HTTP`", "TLSThat"},
		"another with TLS":       {names, "`TLSThatIs`", "TLSThatIs"},
	} {
		got := strings.Join(c.check(c.text), "\n")
		if (got == "") != (c.fault == "") || !strings.Contains(got, c.fault) {
			t.Errorf("%s: faults %q, want %q", name, got, c.fault)
		}
	}
	deep := []pages.Page{{Path: "docs/README.md", Text: "[p](p.md)"}, {Path: "docs/p.md", Text: "[q](q.md)"}, {Path: "docs/q.md"}}
	if got := pages.Unfound(deep, "docs/README.md"); len(got) != 1 || got[0] != "docs/README.md does not link docs/q.md" {
		t.Errorf("a page of docs that is on another page alone: %q", got)
	}
}

func TestCommandsOfAPage(t *testing.T) {
	p := pages.Page{Text: "`go run ./x` and `go` and `go tool y` and `a b`, `X=1 go test ./y`\n```sh\n# why\ngo a\n\nls\n```\n```\n$ b c\nout\n```\n```go\nd\n```\n"}
	if got, want := strings.Join(p.Commands(), "; "), "go a; ls; b c; go run ./x; go tool y; X=1 go test ./y"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
