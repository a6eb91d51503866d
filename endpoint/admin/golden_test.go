package admin

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew instead of comparing with it")

// The page of one state, in its three formats, and with actions.
func TestGolden(t *testing.T) {
	for name, v := range map[string]view{"page.html": {format: asHTML, refresh: 5}, "acts.html": {format: asHTML, acts: true}, "page.txt": {format: asText}, "page.json": {format: asJSON}} {
		var got bytes.Buffer
		if err := model().write(&got, v); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is not as committed (go test -update writes it anew):\n%s", file, got.Bytes())
		}
	}
}
