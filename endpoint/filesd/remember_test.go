package filesd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// What is not saved is said, and leaves nothing behind.
func TestSaveThatFails(t *testing.T) {
	dir := t.TempDir()
	inTheWay := filepath.Join(dir, "nodes")
	if err := os.MkdirAll(filepath.Join(inTheWay, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if save(inTheWay, remembered{}) == nil {
		t.Error("a folder is in the way")
	}
	if save(filepath.Join(dir, "other"), remembered{Written: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}) == nil {
		t.Error("a time that has no JSON")
	}
	if all, err := os.ReadDir(dir); len(all) != 1 || err != nil {
		t.Errorf("there are %v, %v", all, err)
	}
}

// A process ends, and the next begins while the discovery system is away.
func TestTheNextProcessRemembers(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		remember := func(of *muxendpoint.Publisher, opts ...Option) *Remembered {
			t.Helper()
			r, err := Remember(of, path, append(opts, WithLogger(w))...)
			if err != nil {
				t.Fatal(err)
			}
			w.Watch(r)
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
		if got := w.Hears(); got != "" || len(w.Lines("")) != 0 {
			t.Errorf("with no file: %s, %q", got, w.Lines(""))
		}
		first.Publish([]muxendpoint.Instance{a})
		if got := w.Hears(); got != "["+a.String()+"]" || file() != fmt.Sprint([]muxendpoint.Instance{a}) {
			t.Errorf("told %s, wrote %s", got, file())
		}
		for n := range 3 {
			first.Publish([]muxendpoint.Instance{{Address: fmt.Sprintf("b:%d", n+1)}})
			w.Hears()
		}
		if got := file(); got != fmt.Sprint([]muxendpoint.Instance{a}) {
			t.Errorf("not a second later the file has %s", got)
		}
		time.Sleep(time.Second)
		if got := w.Hears(); got != "" || file() != "[b:3]" {
			t.Errorf("a second later: %s; the file has %s", got, file())
		}
		first.Publish(nil)
		first.Fail(errors.New("away"))
		if got := w.Hears(); got != "[] !away" {
			t.Errorf("empty: %s", got)
		}
		time.Sleep(time.Minute)
		if got := file(); got != "[b:3]" {
			t.Errorf("an empty list was written: %s", got)
		}
		for _, address := range []string{"c:1", "d:1"} {
			first.Publish([]muxendpoint.Instance{{Address: address}})
			w.Hears()
		}
		if got := file(); got != "[c:1]" {
			t.Errorf("before the end the file has %s", got)
		}
		r.Stop()
		r.Stop()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || file() != "[d:1]" {
			t.Errorf("at the end %s, %v, %v", file(), info, err)
		}

		time.Sleep(10 * time.Minute)
		var second muxendpoint.Publisher
		r = remember(&second)
		if got := w.Hears(); got != "[d:1] !"+ErrRemembered.Error()+", and was written 10m0s ago" || len(w.Lines("remembered")) != 1 {
			t.Errorf("the next process: %s, %q", got, w.Lines(""))
		}
		second.Fail(errors.New("still away"))
		second.Publish([]muxendpoint.Instance{{Address: "d:1"}})
		if got := w.Hears(); got != "!still away [d:1]" && got != "[d:1]" {
			t.Errorf("then %s", got)
		}
		r.Stop()

		for _, age := range []time.Duration{0, time.Hour} { // both are within bounds
			time.Sleep(age)
			var none muxendpoint.Publisher
			r = remember(&none)
			if got := w.Hears(); !strings.HasPrefix(got, "[d:1] !") {
				t.Errorf("%v old: %s", age, got)
			}
			r.Stop()
		}

		time.Sleep(2 * time.Hour)
		var third muxendpoint.Publisher
		r = remember(&third)
		if got := w.Hears(); got != "" || len(w.Lines("at most 1h0m0s")) != 1 {
			t.Errorf("too old: %s, %q", got, w.Lines(""))
		}
		r.Stop()
		r = remember(&third, WithMaxAge(3*time.Hour))
		if got := w.Hears(); !strings.HasPrefix(got, "[d:1] !") {
			t.Errorf("not too old: %s", got)
		}
		r.Stop()
	})
}

// source is an Instancer that counts what is asked of it.
type source struct {
	muxendpoint.Publisher
	asked []string
}

func (s *source) Refresh() { s.asked = append(s.asked, "refresh") }
func (s *source) Stop()    { s.asked = append(s.asked, "stop") }
func (s *source) DeregisterInstances(ch chan<- muxendpoint.InstancesEvent) {
	s.asked = append(s.asked, "deregister")
	s.Publisher.DeregisterInstances(ch)
}

// Who is remembered is asked to look, and stopped, by whoever remembers it.
func TestRememberPassesOn(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		of := &source{}
		r, err := Remember(of, path)
		if err != nil {
			t.Fatal(err)
		}
		r.Refresh()
		r.Stop()
		r.Stop()
		if got := fmt.Sprint(of.asked); got != "[refresh deregister stop]" {
			t.Errorf("asked were %s", got)
		}
		fixed, err := Remember(muxendpoint.FixedInstances{}, path)
		if err != nil {
			t.Fatal(err)
		}
		fixed.Refresh() // nobody to ask
		fixed.Stop()
	})
}

// A file that is not Remember's, or cannot be written, is told, and stops nothing.
func TestRememberWithAFileThatIsNoUse(t *testing.T) {
	for name, c := range map[string]struct{ text, why string }{
		"no JSON":     {"a:1\n", "invalid character 'a' looking for beginning of value"},
		"cut":         {`{"written":"2000-01-01T00:00:00Z","instances":[{"addr`, "unexpected end of JSON input"},
		"nothing":     {"", "unexpected end of JSON input"},
		"no list":     {`{"written":"2000-01-01T00:00:00Z"}`, "it names no instances"},
		"no address":  {`{"written":"2000-01-01T00:00:00Z","instances":[{"zone":"z"}]}`, "it has no address"},
		"of tomorrow": {`{"written":"2000-01-02T00:00:00Z","instances":[{"address":"a:1"}]}`, "it was written -24h0m0s ago, at most 1h0m0s are allowed"},
	} {
		bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
			write(t, path, c.text)
			var p muxendpoint.Publisher
			r, err := Remember(&p, path, WithLogger(w))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Stop()
			w.Watch(r)
			if got, lines := w.Hears(), w.Lines("is not used"); got != "" || len(lines) != 1 || !strings.HasSuffix(lines[0], c.why) {
				t.Errorf("%s: %s, %q", name, got, w.Lines(""))
			}
		})
	}
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		var p muxendpoint.Publisher
		r, err := Remember(&p, path+"/nowhere/file", WithLogger(w))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Stop()
		w.Watch(r)
		for n := range 5 {
			p.Publish([]muxendpoint.Instance{{Address: fmt.Sprintf("a:%d", n+1)}})
			time.Sleep(2 * time.Second)
			if got := w.Hears(); got != fmt.Sprintf("[a:%d]", n+1) {
				t.Errorf("told %s", got)
			}
		}
		if len(w.Lines("not remembered")) != 1 {
			t.Errorf("%q", w.Lines(""))
		}
	})
}

// A disk that hangs holds up no list, and Stop for a second; the last list is written when it is back.
func TestADiskThatHangsHoldsUpNoList(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		hung := make(chan struct{})
		var wrote []string
		var p muxendpoint.Publisher
		r, err := rememberWith(load, func(_ string, m remembered) error {
			<-hung
			wrote = append(wrote, fmt.Sprint(m.Instances))
			return nil
		}, &p, path)
		if err != nil {
			t.Fatal(err)
		}
		w.Watch(r)
		for n := range 3 {
			address := fmt.Sprintf("a:%d", n+1)
			p.Publish([]muxendpoint.Instance{{Address: address}})
			if got := w.Hears(); got != "["+address+"]" {
				t.Errorf("told %s, want %s", got, address)
			}
			time.Sleep(time.Minute)
		}
		began := time.Now()
		r.Stop()
		if took := time.Since(began); took != lastWrite {
			t.Errorf("Stop took %v", took)
		}
		close(hung)
		bounded.Receive(t, r.kept)
		if got := fmt.Sprint(wrote); got != "[[a:1] [a:3]]" {
			t.Errorf("written were %s", got)
		}
	})
}

// One that does not read either holds up who begins for some seconds.
func TestADiskThatHangsIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		loads := func(string) (m remembered, err error) { <-hung; return m, nil }
		w := discoverytest.NewBubbleWitness(nil)
		began := time.Now()
		r, err := rememberWith(loads, func(string, remembered) error { return nil }, &muxendpoint.Publisher{}, "nodes", WithLogger(w))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < readTime || took > readTime+time.Second {
			t.Errorf("Remember took %v", took)
		}
		if got := fmt.Sprint(w.Lines("what was remembered is not used")); !strings.Contains(got, "reading nodes does not return") {
			t.Error(got)
		}
		r.Stop()
		close(hung)
	})
}

// A logger that panics harms neither who follows a file nor who remembers.
func TestALoggerThatPanics(t *testing.T) {
	bubble(t, func(t *testing.T, path string, w *discoverytest.BubbleWitness) {
		l := WithLogger(log.LoggerFunc(func(...any) error { panic("no") }))
		write(t, path, "{\na:1\n")
		time.Sleep(time.Minute)
		i, err := NewInstancer(path, l)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path+".copy", "none of its files\n")
		r, err := Remember(i, path+".copy", l)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Stop()
		w.Watch(r)
		if got := w.Hears(); got != "[a:1]" {
			t.Error(got)
		}
	})
}
