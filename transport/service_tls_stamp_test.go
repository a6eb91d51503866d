package transport

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files that are as they were are not read again; whatever changes, they are.
func TestStampsOfFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) stamp {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return stampOf(path)
	}
	was := write("a", "text")
	later, longer := was, was
	later.at, longer.size = was.at.Add(time.Nanosecond), was.size+1
	other := write("b", "text")
	other.at = was.at
	none := stampOf(filepath.Join(dir, "none"))
	for name, c := range map[string]struct {
		a, b stamp
		want bool
	}{
		"itself":        {was, stampOf(filepath.Join(dir, "a")), true},
		"later":         {was, later, false},
		"longer":        {was, longer, false},
		"another file":  {was, other, false},
		"gone":          {was, none, false},
		"still not one": {none, stampOf(""), true},
	} {
		if c.a.same(c.b) != c.want || c.b.same(c.a) != c.want {
			t.Errorf("%s: same is not %v", name, c.want)
		}
	}
}
