//go:build browser

package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser is a Chromium that does what testdata/browser/look.mjs says. MUXKIT_PICTURES names the
// folder in which it leaves pictures; without it there are none.
type browser struct {
	*testing.T
	orders  io.Writer
	answers *bufio.Scanner
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "browser"))); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		t.Cleanup(cancel)
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = dir
		return cmd
	}
	if out, err := run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts").CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	pictures := os.Getenv("MUXKIT_PICTURES")
	if pictures != "" {
		if pictures, err = filepath.Abs(pictures); err != nil {
			t.Fatal(err)
		}
	}
	node := run("node", "look.mjs", chromium, pictures)
	node.Stderr = os.Stderr
	orders, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		orders.Close()
		if err := node.Wait(); err != nil {
			t.Errorf("the browser: %v", err)
		}
	})
	b := &browser{T: t, orders: orders, answers: bufio.NewScanner(answers)}
	b.answers.Buffer(nil, 16<<20)
	return b
}

// sight is what somebody sees of a page.
type sight struct {
	Width          int
	Scheme         string
	Overflow       float64
	Cut            []string
	Contrast       float64
	FirstAlarmEnds float64
	Alarms         []string
	Well           []string
	Orders         []string
	Text           string
}

// answer is what came of an order.
type answer struct {
	Error  string
	Seen   []sight
	Asks   int
	Status int
	URL    string
	Loads  int
	sight
}

func (b *browser) order(what map[string]any) (a answer) {
	b.Helper()
	line, err := json.Marshal(what)
	if err == nil {
		_, err = fmt.Fprintf(b.orders, "%s\n", line)
	}
	if err != nil || !b.answers.Scan() {
		b.Fatalf("%s: the browser has gone: %v, %v", line, err, b.answers.Err())
	}
	if err := json.Unmarshal(b.answers.Bytes(), &a); err != nil || a.Error != "" {
		b.Fatalf("%s: %v, %s", line, err, a.Error)
	}
	return a
}

// look expects a page to be readable in every width and colour, and returns what it says.
func (b *browser) look(url, name string) (last sight) {
	b.Helper()
	a := b.order(map[string]any{"order": "look", "url": url, "name": name})
	if len(a.Seen) != 4 {
		b.Fatalf("%s was looked at %d times", name, len(a.Seen))
	}
	for _, s := range a.Seen {
		if s.Overflow > 0 && s.Width < 1000 || len(s.Cut) > 0 {
			b.Errorf("%s, %d: %v px do not fit, and %q are cut", name, s.Width, s.Overflow, s.Cut)
		}
		if s.Contrast < 4.5 { // WCAG 2.2, 1.4.3
			b.Errorf("%s, %d, %s: the least contrast is %.2f", name, s.Width, s.Scheme, s.Contrast)
		}
		if len(s.Alarms) > 0 && (s.FirstAlarmEnds <= 0 || s.FirstAlarmEnds > 400) {
			b.Errorf("%s, %d: the first alarm ends at %v px", name, s.Width, s.FirstAlarmEnds)
		}
	}
	return a.Seen[0]
}
