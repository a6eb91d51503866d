package troubletest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

var (
	lead   = regexp.MustCompile(`(?m)^\| (.+) \| \[([^\]]+)\]\(#`)
	quoted = regexp.MustCompile("`([^`]+)`")
)

// Words at the top of the page stand in the chapter to which they lead, and each chapter has some.
func TestWordsLeadToRows(t *testing.T) {
	index, rest, ok := strings.Cut(pages.Read(t, page), "\n## ")
	if !ok {
		t.Fatal("the page has no chapter")
	}
	words := make(map[string]int)
	for _, row := range lead.FindAllStringSubmatch(index, -1) {
		_, chapter, ok := strings.Cut("\n## "+rest, "\n## "+row[2]+"\n")
		if !ok {
			t.Errorf("there is no chapter %q", row[2])
		}
		chapter, _, _ = strings.Cut(chapter, "\n## ")
		for _, word := range quoted.FindAllStringSubmatch(row[1], -1) {
			words[row[2]]++
			if !strings.Contains(chapter, word[1]) {
				t.Errorf("%q leads to %q, which does not have it", word[1], row[2])
			}
		}
	}
	for _, c := range chapters {
		if words[c.title] == 0 {
			t.Errorf("no word leads to %q", c.title)
		}
	}
}
