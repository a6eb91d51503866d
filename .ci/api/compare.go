package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A change is a line that came or went: "breaker: func NewGroup(...) *Group".
type change struct {
	line   string
	breaks bool
}

// compare tells what changed, in order: what went first, in each package.
func compare(before, now map[string][]string) (changes []change) {
	pkgs := make(map[string]bool)
	for p := range before {
		pkgs[p] = true
	}
	for p := range now {
		pkgs[p] = true
	}
	for _, p := range slices.Sorted(maps.Keys(pkgs)) {
		for _, l := range before[p] {
			if !slices.Contains(now[p], l) {
				changes = append(changes, change{p + ": " + l, true})
			}
		}
		for _, l := range now[p] {
			if !slices.Contains(before[p], l) {
				changes = append(changes, change{p + ": " + l, asksMore(before[p], l)})
			}
		}
	}
	return changes
}

// asksMore reports whether a line is a further method of an interface that others
// may have implemented.
func asksMore(before []string, line string) bool {
	member, ok := strings.CutPrefix(line, "interface ")
	if !ok {
		return false
	}
	name, _, _ := strings.Cut(member, ".")
	for _, l := range before {
		kind, isOpen := strings.CutSuffix(l, " interface")
		kind, isType := strings.CutPrefix(kind, "type ")
		kind, _, _ = strings.Cut(kind, "[")
		if isOpen && isType && kind == name {
			return true
		}
	}
	return false
}

// toldBreaks returns the entries under "Broken" of "Unreleased".
func toldBreaks(changelog string) []string {
	_, unreleased, _ := strings.Cut(changelog, "\n## Unreleased\n")
	unreleased, _, _ = strings.Cut(unreleased, "\n## ")
	_, broken, _ := strings.Cut(unreleased, "\n### Broken\n")
	broken, _, _ = strings.Cut(broken, "\n### ")
	return strings.Split("\n"+broken, "\n- ")
}

var subject = regexp.MustCompile(`^(\S+): (?:func|var|const|type|field|interface|method) \*?([A-Za-z0-9_]+)(?:\.([A-Za-z0-9_]+))?`)

var code = regexp.MustCompile("`[^`]*`")

// names reports whether an entry names what a line is about: the package, and the name
// in code, since in prose it may be any word. A field or method is named beside its type,
// unless that has changed itself: it takes all of them with it.
func names(told []string, line string, among []change) bool {
	m := subject.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	pkg, name, member := m[1][strings.LastIndexByte(m[1], '/')+1:], m[2], m[3]
	withType := slices.ContainsFunc(among, func(c change) bool {
		rest, isType := strings.CutPrefix(c.line, m[1]+": type "+name)
		return isType && c.breaks && strings.IndexAny(rest, " [") == 0
	})
	for _, entry := range told {
		spans := strings.Join(code.FindAllString(entry, -1), " ")
		if hasWord(entry, pkg) && hasWord(spans, name) && (member == "" || withType || hasWord(spans, member)) {
			return true
		}
	}
	return false
}

func hasWord(text, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}
