package pages

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Page is a document.
type Page struct {
	Path string // below the repository's root, with slashes
	Text string
}

// All returns the documents of the repository in root: its README, those about it in
// .github, docs with all below, and the index of the examples, by their paths.
func All(t testing.TB, root string) (all []Page) {
	t.Helper()
	for _, top := range []string{".github", "README.md", "docs", "examples/README.md"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
				return err
			}
			name, err := filepath.Rel(root, path)
			all = append(all, Page{filepath.ToSlash(name), Read(t, path)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Block is what stands between two fences.
type Block struct{ Language, Text string }

// fenced is a block, which may stand in a list.
var fenced = regexp.MustCompile("(?ms)^[ \t]*```([^\n]*)\n(.*?)^[ \t]*```")

// Blocks are those of the page.
func (p Page) Blocks() (blocks []Block) {
	for _, m := range fenced.FindAllStringSubmatch(p.Text, -1) {
		blocks = append(blocks, Block{m[1], m[2]})
	}
	return blocks
}

// Prose is what stands between the blocks.
func (p Page) Prose() string { return fenced.ReplaceAllString(p.Text, "") }

var quoted = regexp.MustCompile("`([^`\n]+)`")

// Quoted are the words of the prose that are marked as code.
func (p Page) Quoted() (words []string) {
	for _, m := range quoted.FindAllStringSubmatch(p.Prose(), -1) {
		words = append(words, m[1])
	}
	return words
}

// Commands are what the page has typed: lines of its blocks that are marked as sh, lines
// with a prompt of other blocks, and commands within its sentences.
func (p Page) Commands() (commands []string) {
	for _, b := range p.Blocks() {
		for line := range strings.Lines(b.Text) {
			line = strings.TrimSpace(line)
			typed, prompt := strings.CutPrefix(line, "$ ")
			if line != "" && (prompt || b.Language == "sh" && line[0] != '#') {
				commands = append(commands, typed)
			}
		}
	}
	for _, q := range p.Quoted() {
		if typed.MatchString(q) {
			commands = append(commands, q)
		}
	}
	return commands
}

// typed are the beginnings of commands.
var typed = regexp.MustCompile(`^([A-Z0-9_]+=\S* )*(bash|cd|curl|go (build|clean|doc|env|fix|fmt|generate|get|install|list|mod|run|test|tool|version|vet|work)|kill|muxcall|source) `)
