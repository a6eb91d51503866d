package filesd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// witness writes down what an Instancer tells and logs.
type witness struct {
	ch    chan muxendpoint.InstancesEvent
	mu    sync.Mutex
	lines []string
}

func (w *witness) Log(kv ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprint(kv...))
	return nil
}

func (w *witness) logged(what string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		if strings.Contains(l, what) {
			n++
		}
	}
	return n
}

// hears is what was told since, an error by its text; only in a bubble.
func (w *witness) hears() string {
	var words []string
	for {
		synctest.Wait()
		select {
		case ev := <-w.ch:
			if ev.Err != nil {
				words = append(words, "!"+ev.Err.Error())
				continue
			}
			var all []string
			for _, in := range ev.Instances {
				all = append(all, in.String())
			}
			words = append(words, "["+strings.Join(all, " ")+"]")
		default:
			return strings.Join(words, " ")
		}
	}
}

var _ log.Logger = (*witness)(nil)

// bubble runs a test in one, whose clock files do not have: they are dated by it.
func bubble(t *testing.T, run func(t *testing.T, path string, w *witness)) {
	path := filepath.Join(t.TempDir(), "nodes")
	synctest.Test(t, func(t *testing.T) { run(t, path, &witness{ch: make(chan muxendpoint.InstancesEvent, 1)}) })
}

// write writes a file at once, as of now.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func follow(t *testing.T, path string, w *witness, opts ...Option) *Instancer {
	t.Helper()
	i, err := NewInstancer(path, append(opts, WithLogger(w))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	i.RegisterInstances(w.ch)
	return i
}

func TestAFileIsFollowed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"addresses", "a:1\nb:1\n", "[a:1 b:1]"},
		{"comments and space", "# nodes\n\n  a:1\t\r\n", "[a:1]"},
		{"JSON", `{"address":"a:1","weight":2,"zone":"z"}` + "\n", `[{"address":"a:1","weight":2,"zone":"z"}]`},
		{"lines that are no instances", "a:1\n{\nb c\n", "[a:1]"},
		{"no nodes", "# none today\n", "[]"},
		{"nothing", "", "!it is empty"},
		{"no end", "a:1\nb:", "!its last line does not end"},
		{"no instance among lines", "{\nb c\n", "!none of 2 entries is an instance"},
		{"bytes", "\x00\xff\xfe\n", "!none of 1 entries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, path string, w *witness) {
				write(t, path, "first:1\n")
				time.Sleep(time.Minute)
				follow(t, path, w)
				if got := w.hears(); got != "[first:1]" {
					t.Fatalf("at first: %s", got)
				}
				write(t, path, c.text)
				time.Sleep(3 * time.Second)
				got := w.hears()
				if !strings.HasPrefix(strings.Replace(got, "filesd: "+path+": ", "", 1), c.want) {
					t.Errorf("%s, want %s", got, c.want)
				}
				time.Sleep(time.Minute)
				if again := w.hears(); again != "" {
					t.Errorf("and again %s", again)
				}
				if n, want := w.logged("left out"), map[string]int{"lines that are no instances": 2, "no instance among lines": 2, "bytes": 1}[c.name]; n != want {
					t.Errorf("%d lines were named, want %d", n, want)
				}
				write(t, path, "last:1\n")
				time.Sleep(3 * time.Second)
				if got := w.hears(); got != "[last:1]" {
					t.Errorf("at last: %s", got)
				}
			})
		})
	}
}

// A writer that takes its time: what is half there is not told, though its lines end.
func TestWhatIsBeingWrittenIsNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *witness) {
		write(t, path, "a:1\n")
		i := follow(t, path, w)
		if got := w.hears(); got != "" { // it was written just now
			t.Errorf("at once: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := w.hears(); got != "[a:1]" {
			t.Errorf("settled: %s", got)
		}
		text := ""
		for n := range 20 { // not in step with the looks
			text += fmt.Sprintf("n%d:1\n", n)
			write(t, path, text)
			i.Refresh()
			time.Sleep(700 * time.Millisecond)
		}
		if got := w.hears(); got != "" {
			t.Errorf("while it was written: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := w.hears(); got != "["+strings.TrimSpace(strings.ReplaceAll(text, "\n", " "))+"]" {
			t.Errorf("at its end: %s", got)
		}
	})
}

func TestAFileThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone":      os.Remove,
		"a folder":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"too large": func(path string) error { return os.Truncate(path, maxSize+1) },
		"a loop":    func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, path string, w *witness) {
				write(t, path, "a:1\n")
				time.Sleep(time.Minute)
				follow(t, path, w)
				w.hears()
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if got := w.hears(); !strings.HasPrefix(got, "!filesd: ") || strings.Contains(got, "[") || strings.Count(got, "!") != 1 {
					t.Errorf("it told %s", got)
				}
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				write(t, path, "a:1\n")
				time.Sleep(3 * time.Second)
				if got := w.hears(); got != "[a:1]" {
					t.Errorf("it is back: %s", got)
				}
			})
		})
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, make := range map[string]func() error{
		"WithInterval":  func() error { _, err := NewInstancer("x", WithInterval(-1)); return err },
		"WithMaxAge":    func() error { _, err := Remember(muxendpoint.FixedInstances{}, "x", WithMaxAge(-1)); return err },
		"no path":       func() error { _, err := NewInstancer(""); return err },
		"nil instancer": func() error { _, err := Remember(nil, "x"); return err },
	} {
		if err := make(); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A process ends, and the next begins while the discovery system is away.
func TestTheNextProcessRemembers(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *witness) {
		remember := func(of *muxendpoint.Publisher, opts ...Option) *Remembered {
			t.Helper()
			r, err := Remember(of, path, append(opts, WithLogger(w))...)
			if err != nil {
				t.Fatal(err)
			}
			r.RegisterInstances(w.ch)
			return r
		}
		file := func() string {
			m, err := load(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
			return fmt.Sprint(m.Instances)
		}
		a := muxendpoint.Instance{Address: "a:1", Weight: 3, Labels: map[string]string{"k": "v"}}
		var first muxendpoint.Publisher
		r := remember(&first)
		if got := w.hears(); got != "" {
			t.Errorf("with no file: %s", got)
		}
		first.Publish([]muxendpoint.Instance{a})
		if got := w.hears(); got != "["+a.String()+"]" || file() != fmt.Sprint([]muxendpoint.Instance{a}) {
			t.Errorf("told %s, wrote %s", got, file())
		}
		for n := range 3 {
			first.Publish([]muxendpoint.Instance{{Address: fmt.Sprintf("b:%d", n+1)}})
			w.hears()
		}
		if got := file(); got != fmt.Sprint([]muxendpoint.Instance{a}) {
			t.Errorf("not a second later the file has %s", got)
		}
		time.Sleep(time.Second)
		if got := w.hears(); got != "" || file() != "[b:3]" {
			t.Errorf("a second later: %s; the file has %s", got, file())
		}
		first.Publish(nil)
		first.Fail(errors.New("away"))
		if got := w.hears(); got != "[] !away" {
			t.Errorf("empty: %s", got)
		}
		time.Sleep(time.Minute)
		if got := file(); got != "[b:3]" {
			t.Errorf("an empty list was written: %s", got)
		}
		first.Publish([]muxendpoint.Instance{{Address: "c:1"}})
		first.Publish([]muxendpoint.Instance{{Address: "d:1"}})
		w.hears()
		r.Stop()
		r.Stop()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || file() != "[d:1]" {
			t.Errorf("at the end %s, %v, %v", file(), info, err)
		}

		time.Sleep(10 * time.Minute)
		var second muxendpoint.Publisher
		r = remember(&second)
		if got := w.hears(); got != "[d:1] !"+ErrRemembered.Error()+", and was written 10m0s ago" || w.logged("remembered") != 1 {
			t.Errorf("the next process: %s, %q", got, w.lines)
		}
		second.Fail(errors.New("still away"))
		second.Publish([]muxendpoint.Instance{{Address: "d:1"}})
		if got := w.hears(); got != "!still away [d:1]" && got != "[d:1]" {
			t.Errorf("then %s", got)
		}
		r.Stop()

		time.Sleep(2 * time.Hour)
		var third muxendpoint.Publisher
		r = remember(&third)
		if got := w.hears(); got != "" || w.logged("at most 1h0m0s") != 1 {
			t.Errorf("too old: %s, %q", got, w.lines)
		}
		r.Stop()
		r = remember(&third, WithMaxAge(3*time.Hour))
		if got := w.hears(); !strings.HasPrefix(got, "[d:1] !") {
			t.Errorf("not too old: %s", got)
		}
		r.Stop()
	})
}

// A file that is not Remember's, or cannot be written, is told, and stops nothing.
func TestRememberWithAFileThatIsNoUse(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "a:1\n", "cut": `{"written":"2000-01-01T00:00:00Z","instances":[{"addr`, "nothing": "", "no list": `{"written":"2000-01-01T00:00:00Z"}`,
		"no address": `{"written":"2000-01-01T00:00:00Z","instances":[{"zone":"z"}]}`, "of tomorrow": `{"written":"2000-01-02T00:00:00Z","instances":[{"address":"a:1"}]}`,
	} {
		bubble(t, func(t *testing.T, path string, w *witness) {
			write(t, path, text)
			var p muxendpoint.Publisher
			r, err := Remember(&p, path, WithLogger(w))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Stop()
			r.RegisterInstances(w.ch)
			if got := w.hears(); got != "" || w.logged("is not used") != 1 {
				t.Errorf("%s: %s, %q", name, got, w.lines)
			}
		})
	}
	bubble(t, func(t *testing.T, path string, w *witness) {
		var p muxendpoint.Publisher
		r, err := Remember(&p, path+"/nowhere/file", WithLogger(w))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Stop()
		r.RegisterInstances(w.ch)
		for n := range 5 {
			p.Publish([]muxendpoint.Instance{{Address: fmt.Sprintf("a:%d", n+1)}})
			time.Sleep(2 * time.Second)
			if got := w.hears(); got != fmt.Sprintf("[a:%d]", n+1) {
				t.Errorf("told %s", got)
			}
		}
		if w.logged("not remembered") != 1 {
			t.Errorf("%q", w.lines)
		}
	})
}
