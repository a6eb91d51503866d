package filesd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// bubble runs a test in one, whose clock files do not have: they are dated by it.
func bubble(t *testing.T, run func(t *testing.T, path string, w *discoverytest.BubbleWitness)) {
	path := filepath.Join(t.TempDir(), "nodes")
	synctest.Test(t, func(t *testing.T) { run(t, path, discoverytest.NewBubbleWitness(nil)) })
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

func follow(t *testing.T, path string, w *discoverytest.BubbleWitness, opts ...Option) *Instancer {
	t.Helper()
	i, err := NewInstancer(path, append(opts, WithLogger(w))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	w.Watch(i)
	return i
}

func TestAFileIsFollowed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"addresses", "a:1\nb:1\n", "[a:1 b:1]"},
		{"comments and space", "# nodes\n\n  a:1\t\r\n", "[a:1]"},
		{"JSON", `{"address":"a:1","weight":2,"zone":"z"}` + "\n", `[{"address":"a:1","weight":2,"zone":"z"}]`},
		{"lines that are no instances", "a:1\n{\nb c\n", "[a:1]"},
		{"no nodes", "# none today\n", "[]"},
		{"an empty line", "\n", "[]"},
		{"nothing", "", "!it is empty"},
		{"no end", "a:1\nb:", "!its last line does not end"},
		{"no instance among lines", "{\nb c\n", "!none of 2 entries is an instance"},
		{"bytes", "\x00\xff\xfe\n", "!none of 1 entries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
				write(t, path, "first:1\n")
				time.Sleep(time.Minute)
				follow(t, path, w)
				if got := w.Hears(); got != "[first:1]" {
					t.Fatalf("at first: %s", got)
				}
				write(t, path, c.text)
				time.Sleep(3 * time.Second)
				got := w.Hears()
				if !strings.HasPrefix(strings.Replace(got, "filesd: "+path+": ", "", 1), c.want) {
					t.Errorf("%s, want %s", got, c.want)
				}
				time.Sleep(time.Minute)
				if again := w.Hears(); again != "" {
					t.Errorf("and again %s", again)
				}
				if n, want := len(w.Lines("left out")), map[string]int{"lines that are no instances": 2, "no instance among lines": 2, "bytes": 1}[c.name]; n != want {
					t.Errorf("%d lines were named, want %d", n, want)
				}
				write(t, path, "last:1\n")
				time.Sleep(3 * time.Second)
				if got := w.Hears(); got != "[last:1]" {
					t.Errorf("at last: %s", got)
				}
			})
		})
	}
}

// A writer that takes its time: what is half there is not told, though its lines end.
func TestWhatIsBeingWrittenIsNotTaken(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		write(t, path, "a:1\n")
		i := follow(t, path, w)
		if got := w.Hears(); got != "" { // it was written just now
			t.Errorf("at once: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := w.Hears(); got != "[a:1]" {
			t.Errorf("settled: %s", got)
		}
		text := ""
		for n := range 20 { // not in step with the looks
			text += fmt.Sprintf("n%d:1\n", n)
			write(t, path, text)
			for range 3 { // looks on request see the same, and are not apart
				i.Refresh()
				synctest.Wait()
			}
			time.Sleep(700 * time.Millisecond)
		}
		if got := w.Hears(); got != "" {
			t.Errorf("while it was written: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := w.Hears(); got != "["+strings.TrimSpace(strings.ReplaceAll(text, "\n", " "))+"]" {
			t.Errorf("at its end: %s", got)
		}
	})
}

// A file server whose clock is ahead: what looks saw that were a second apart is believed.
func TestAFileOfTomorrow(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		write(t, path, "a:1\n")
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		i := follow(t, path, w)
		if got := w.Hears(); got != "" {
			t.Errorf("after one look: %s", got)
		}
		i.Refresh()
		if got := w.Hears(); got != "" {
			t.Errorf("after two at once: %s", got)
		}
		time.Sleep(time.Second)
		if got := w.Hears(); got != "[a:1]" {
			t.Errorf("after a second: %s", got)
		}
	})
}

// WithInterval is how long it takes until a file that does not change is believed, and a look is due. 0 is a second.
func TestTheIntervalOfLooks(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{0: time.Second, 10 * time.Second: 10 * time.Second} {
		bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
			write(t, path, "a:1\n")
			time.Sleep(want)
			follow(t, path, w, WithInterval(interval))
			if got := w.Hears(); got != "[a:1]" {
				t.Errorf("%v: written %v ago: %s", interval, want, got)
			}
		})
		bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
			write(t, path, "a:1\n")
			follow(t, path, w, WithInterval(interval))
			time.Sleep(want - 1)
			if got := w.Hears(); got != "" {
				t.Errorf("%v: before %v: %s", interval, want, got)
			}
			time.Sleep(time.Nanosecond)
			if got := w.Hears(); got != "[a:1]" {
				t.Errorf("%v: after %v: %s", interval, want, got)
			}
		})
	}
}

// Who asks has the file looked at now.
func TestRefresh(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		write(t, path, "a:1\n")
		time.Sleep(time.Minute)
		i := follow(t, path, w, WithInterval(10*time.Second))
		if got := w.Hears(); got != "[a:1]" {
			t.Fatalf("at first: %s", got)
		}
		write(t, path, "b:1\n")
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Minute)); err != nil { // it was moved here
			t.Fatal(err)
		}
		i.Refresh()
		if got := w.Hears(); got != "[b:1]" {
			t.Errorf("after a look: %s", got)
		}
	})
}

// Looks leave no file open, whatever they found.
func TestFilesAreClosed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what is forgotten
	open := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	dir := t.TempDir()
	before := open()
	for range 20 {
		for _, path := range []string{dir, "filesd_test.go"} {
			if _, _, err := read(path); (err != nil) != (path == dir) {
				t.Fatal(path, err)
			}
		}
		if err := save(filepath.Join(dir, "nodes"), remembered{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := open(); n > before+10 {
		t.Errorf("%d files are open, before it were %d", n, before)
	}
}

// The largest file is read whole, and one that breaks off while it is read is an error.
func TestReadToTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes")
	write(t, path, "")
	if err := os.Truncate(path, maxSize); err != nil {
		t.Fatal(err)
	}
	if text, _, err := read(path); len(text) != maxSize || err != nil {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if _, _, err := read("/proc/self/mem"); err == nil { // nothing is mapped at its beginning
		t.Error("what cannot be read was")
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone":      os.Remove,
		"a folder":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"too large": func(path string) error { return os.Truncate(path, maxSize+1) },
		"a loop":    func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
				write(t, path, "a:1\n")
				time.Sleep(time.Minute)
				i := follow(t, path, w)
				w.Hears()
				if err := spoil(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if got := w.Hears(); !strings.HasPrefix(got, "!filesd: ") || strings.Contains(got, "[") || strings.Count(got, "!") != 1 {
					t.Errorf("it told %s", got)
				}
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				write(t, path, "a:1\n")
				i.Refresh()
				if got := w.Hears(); got != "" { // though it says what it said before it was gone
					t.Errorf("while it may still be written: %s", got)
				}
				time.Sleep(3 * time.Second)
				if got := w.Hears(); got != "[a:1]" {
					t.Errorf("it is back: %s", got)
				}
			})
		})
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, make := range map[string]func() error{
		"WithInterval":               func() error { _, err := NewInstancer("x", WithInterval(-1)); return err },
		"WithMaxAge":                 func() error { _, err := Remember(muxendpoint.FixedInstances{}, "x", WithMaxAge(-1)); return err },
		"WithMaxAge is for Remember": func() error { _, err := NewInstancer("x", WithMaxAge(time.Hour)); return err },
		"no path":                    func() error { _, err := NewInstancer(""); return err },
		": no path":                  func() error { _, err := Remember(muxendpoint.FixedInstances{}, ""); return err },
		"nil instancer":              func() error { _, err := Remember(nil, "x"); return err },
	} {
		if err := make(); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if cfg, err := (config{}).with([]Option{WithInterval(0), WithMaxAge(0)}); err != nil || cfg.interval != time.Second || cfg.maxAge != time.Hour {
		t.Errorf("zero is the default: %v, %v, %v", cfg.interval, cfg.maxAge, err)
	}
}

// A pipe that nobody writes to does not open: it is no file, and nobody waits for it.
func TestAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1)
	go func() {
		_, _, err := read(path)
		said <- err
	}()
	if err := bounded.Receive(t, said); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
}

// A file system that does not answer holds up who begins for some seconds, once; it is told, and the list stands until it is back.
func TestAFileSystemThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hung atomic.Pointer[chan struct{}]
		hang := func() (back func()) {
			c := make(chan struct{})
			hung.Store(&c)
			return func() { hung.Store(nil); close(c) }
		}
		reads := func(string) ([]byte, time.Time, error) {
			if c := hung.Load(); c != nil {
				<-*c
			}
			return []byte("a:1\n"), time.Time{}, nil
		}
		back := hang()
		began := time.Now()
		i, err := newInstancer(reads, "nodes")
		if err != nil {
			t.Fatal(err)
		}
		defer i.Stop()
		if took := time.Since(began); took < readTime || took > readTime+time.Second {
			t.Errorf("NewInstancer took %v", took)
		}
		w := discoverytest.NewBubbleWitness(nil)
		w.Watch(i)
		time.Sleep(time.Minute)
		if got := w.Hears(); !strings.HasPrefix(got, "!filesd: reading nodes ") || strings.Contains(got, "[") {
			t.Errorf("it told %s", got)
		}
		back()
		time.Sleep(3 * time.Second)
		if got := w.Hears(); got != "[a:1]" {
			t.Errorf("it is back: %s", got)
		}
		back = hang()
		time.Sleep(time.Minute)
		if got := w.Hears(); !strings.HasPrefix(got, "!filesd: reading nodes ") || strings.Contains(got, "[") {
			t.Errorf("it told %s", got)
		}
		back()
	})
}
