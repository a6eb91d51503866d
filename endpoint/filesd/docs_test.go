package filesd

import (
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

// Every block of Go code in docs/discovery.md is compiled, beside the engine that it is about.
func TestDocs(t *testing.T) {
	if n := pages.Compiled(t, "../../docs/discovery.md", "../*sd/example_test.go"); n < 7 {
		t.Errorf("%d blocks", n)
	}
}
