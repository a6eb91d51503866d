package pages

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// languages are what blocks may be marked as.
var languages = []string{"", "go", "json", "mermaid", "sh", "yaml"}

// Uncompiled tells which blocks of Go code stand, but for their indentation, nowhere in
// source, which is the Flat text of all Go files: whoever compiles those compiles the
// documents. It tells blocks too that hide what they are.
func Uncompiled(p Page, source string) (faults []string) {
	for _, b := range p.Blocks() {
		switch {
		case !slices.Contains(languages, b.Language):
			faults = append(faults, fmt.Sprintf("%s: %q is none of %q", p.Path, b.Language, languages[1:]))
		case b.Language == "go" && !strings.Contains(source, Flat(b.Text)):
			faults = append(faults, fmt.Sprintf("%s: this code is compiled nowhere:\n%s", p.Path, b.Text))
		case b.Language == "" && hidden.MatchString(b.Text):
			faults = append(faults, fmt.Sprintf("%s: a block of commands is marked as sh, or has prompts; one of code as go:\n%s", p.Path, b.Text))
		}
	}
	return faults
}

// hidden is how a block begins that should be marked as something.
var hidden = regexp.MustCompile(`(?m)\A\s*(bash|cd|curl|go|muxcall) |\A\s*(const|for|func|if|import|package|return|switch|type|var) |:= |^\s*\w+\.\w+\(.*\)$`)

// Flat is a text without the space at the beginning and end of every line, behind a line
// break.
func Flat(s string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

// Misshapen tells which tables of the page are none to who draws it, or are written so that no other check reads
// them, as blocks are with other fences, and which long lines, but for the heads of tables, stand on it twice: what is
// left where two versions of a page were put together.
func Misshapen(p Page) (faults []string) {
	seen := make(map[string]bool)
	lines := strings.Split(p.Prose(), "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " ") // a table may stand in a list
	}
	for i, line := range lines {
		if unread.MatchString(line) {
			faults = append(faults, fmt.Sprintf("%s: blocks begin with ```, and the rows of tables with |: %s", p.Path, line))
		}
		head := i+1 < len(lines) && delimiter.MatchString(lines[i+1])
		if len(line) > longLine && !head && !delimiter.MatchString(line) {
			if seen[line] {
				faults = append(faults, fmt.Sprintf("%s has this twice: %s", p.Path, line))
			}
			seen[line] = true
		}
		if !strings.HasPrefix(line, "|") || i > 0 && strings.HasPrefix(lines[i-1], "|") {
			continue
		}
		switch { // line is the first of a table
		case i > 0 && lines[i-1] != "":
			faults = append(faults, fmt.Sprintf("%s: no empty line before the table %s", p.Path, line))
		case !head:
			faults = append(faults, fmt.Sprintf("%s: this table has no head: %s", p.Path, line))
		default:
			for _, row := range lines[i:] {
				if !strings.HasPrefix(row, "|") {
					break
				}
				if columns(row) != columns(line) {
					faults = append(faults, fmt.Sprintf("%s: this row has %d cells, its table's head %d: %s", p.Path, columns(row), columns(line), row))
				}
			}
		}
	}
	return faults
}

// longLine is how long a line is, in bytes, that nobody writes twice.
const longLine = 80

// unread begins a block, or is the second line of a table.
var unread = regexp.MustCompile(`^~~~|^:?-+:? *\|[-:| ]+$`)

var delimiter = regexp.MustCompile(`^\|[-:| ]+\|$`)

// columns are the cells of a row.
func columns(row string) int {
	return strings.Count(strings.ReplaceAll(strings.TrimSpace(row), `\|`, ""), "|") - 1
}

var (
	link      = regexp.MustCompile(`(?m)(?:\]\(|^ *\[[^\]]+\]: *|\b(?:href|src)=")([^)\s"]+)`)
	heading   = regexp.MustCompile(`(?m)^#+ +(.*?)\s*$`)
	unspelled = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// links are what the page links within the repository: files, by their paths below the
// root, and headings, behind a #.
func (p Page) links() (targets []string) {
	for _, m := range link.FindAllStringSubmatch(quoted.ReplaceAllString(p.Prose(), ""), -1) {
		file, anchor, _ := strings.Cut(m[1], "#")
		switch {
		case strings.Contains(m[1], ":"): // https, mailto
			continue
		case file == "":
			file = p.Path
		default:
			file = path.Join(path.Dir(p.Path), file)
		}
		if anchor != "" {
			file += "#" + anchor
		}
		targets = append(targets, file)
	}
	return targets
}

// anchors are how the page's headings are linked, as GitHub makes them.
func (p Page) anchors() (all []string) {
	for _, m := range heading.FindAllStringSubmatch(p.Prose(), -1) {
		name := unspelled.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// BrokenLinks tells which links of the pages lead nowhere. there says whether a file, or a
// folder, is there.
func BrokenLinks(all []Page, there func(name string) bool) (faults []string) {
	for _, p := range all {
		for _, target := range p.links() {
			file, anchor, _ := strings.Cut(target, "#")
			at := slices.IndexFunc(all, func(p Page) bool { return p.Path == file })
			switch {
			case !there(file):
				faults = append(faults, fmt.Sprintf("%s links %s, which is not there", p.Path, file))
			case anchor != "" && at >= 0 && !slices.Contains(all[at].anchors(), anchor):
				faults = append(faults, fmt.Sprintf("%s links %s, which has no heading %q", p.Path, file, anchor))
			}
		}
	}
	return faults
}

// Unfound tells which pages of docs nobody finds who begins at the index: those of docs itself
// stand on it, others on pages that are found. The decisions, which are many, have an index
// of their own, by number.
func Unfound(all []Page, index string) (faults []string) {
	pages := map[string]Page{}
	for _, p := range all {
		pages[p.Path] = p
	}
	found, next := map[string]bool{index: true}, []string{index}
	for len(next) > 0 {
		p := pages[next[0]]
		next = next[1:]
		for _, target := range p.links() {
			file, _, _ := strings.Cut(target, "#")
			if path.Ext(file) == "" {
				file += "/README.md"
			}
			if _, ok := pages[file]; ok && !found[file] {
				found[file], next = true, append(next, file)
			}
		}
	}
	direct := pages[index].links()
	for _, p := range all {
		switch {
		case !strings.HasPrefix(p.Path, "docs/") || strings.HasPrefix(p.Path, "docs/decisions/0"):
		case !found[p.Path]:
			faults = append(faults, fmt.Sprintf("%s leads nobody to %s", index, p.Path))
		case path.Dir(p.Path) == path.Dir(index) && p.Path != index &&
			!slices.ContainsFunc(direct, func(target string) bool { return strings.HasPrefix(target+"#", p.Path+"#") }):
			faults = append(faults, fmt.Sprintf("%s does not link %s", index, p.Path))
		}
	}
	return faults
}

var tests = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark|Example)[A-Z_]\w*`)

// NoTests tells which tests, benchmarks and examples the page names in vain.
func NoTests(p Page, declared func(name string) bool) (faults []string) {
	for _, name := range tests.FindAllString(p.Prose(), -1) {
		if !declared(name) {
			faults = append(faults, fmt.Sprintf("%s names %s, which is no test", p.Path, name))
		}
	}
	return faults
}

// camel is a Go name that is no word of English, and no abbreviation.
var camel = regexp.MustCompile(`\b[A-Z]\w*[a-z]\w*[A-Z]\w*\b|\b[A-Z]{2,}[a-z]\w+\b`)

// NoNames tells which names of Go, among the words that are marked as code, nobody knows.
func NoNames(p Page, known func(name string) bool) (faults []string) {
	for _, q := range p.Quoted() {
		for _, name := range camel.FindAllString(q, -1) {
			if !known(name) {
				faults = append(faults, fmt.Sprintf("%s names %s, which no code knows", p.Path, name))
			}
		}
	}
	return faults
}
