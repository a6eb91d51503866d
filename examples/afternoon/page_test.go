package afternoon

import (
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

// TestPage checks that every block of Go code in docs/afternoon.md stands in a file that is
// compiled here, or in the examples of the house protocol, and is run by a test.
func TestPage(t *testing.T) {
	if blocks := pages.Compiled(t, "../../docs/afternoon.md", "*.go", "../houseprotocol/*.go"); blocks < 10 {
		t.Errorf("%d blocks of code", blocks)
	}
}

// TestUnderSixtyLines: the least that a client needs.
func TestUnderSixtyLines(t *testing.T) {
	lines := 0
	for line := range strings.Lines(pages.Read(t, "protocol.go")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines >= 60 {
		t.Errorf("%d lines of code", lines)
	}
}
