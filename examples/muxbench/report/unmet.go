package report

import (
	_ "embed"
	"strings"
)

// unmetText says of targets that are not met what was tried and where the limit is: the
// start of the target's row, a bar, and a sentence. The first line that fits counts.
//
//go:embed unmet.txt
var unmetText string

// why is the sentence about a target.
func why(target string) string {
	for line := range strings.Lines(unmetText) {
		if row, sentence, ok := strings.Cut(line, " | "); ok && strings.HasPrefix(target, row) {
			return strings.TrimSpace(sentence)
		}
	}
	return "report/unmet.txt says nothing about it"
}
