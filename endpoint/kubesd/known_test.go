package kubesd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// script plays the API server's part in a bubble: it has an etcd that loses its data when a test wants it to. It is an
// http.RoundTripper.
type script struct {
	t *testing.T

	mu    sync.Mutex // guards what follows
	list  string
	watch *io.PipeWriter // the last that began
	asked []string       // "list", "look", or "watch" and its place
	down  error          // it answers nothing

	closed atomic.Int64 // times that idle connections were
}

func (s *script) CloseIdleConnections() { s.closed.Add(1) }

// is has it answer nothing, for a reason; nil: all.
func (s *script) is(down error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// breaks breaks the watch off.
func (s *script) breaks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch.CloseWithError(errors.New("reset"))
}

// has is what there is from now on; no watch tells it. Each slice has an address of the same name, and was written at that
// version.
func (s *script) has(version string, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, name := range names {
		all = append(all, slice(s.t, name, version, "FQDN", []pod{{Addresses: []string{name}}}))
	}
	s.list = listOf(version, all...)
}

// tells has a slice be written, and the watch tell so.
func (s *script) tells(version, name string) { s.happens("ADDED", version, name, name) }

// happens is an event of a slice with these addresses.
func (s *script) happens(what, version, name string, addresses ...string) {
	var pods []pod
	for _, a := range addresses {
		pods = append(pods, pod{Addresses: []string{a}})
	}
	event := `{"type":"` + what + `","object":` + slice(s.t, name, version, "FQDN", pods) + `}`
	s.mu.Lock()
	s.list = after(s.list, event)
	watch := s.watch
	s.mu.Unlock()
	fmt.Fprintln(watch, event)
}

// ends ends the watch, as a server does.
func (s *script) ends() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch.Close()
}

// heard are the requests since the last look at them.
func (s *script) heard() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := strings.Join(s.asked, " ")
	s.asked = nil
	return asked
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return nil, s.down
	}
	answer := &http.Response{StatusCode: http.StatusOK, Header: make(http.Header)}
	switch q := r.URL.Query(); {
	case q.Has("watch"):
		s.asked = append(s.asked, "watch "+q.Get("resourceVersion"))
		body, watch := io.Pipe()
		context.AfterFunc(r.Context(), func() { watch.CloseWithError(r.Context().Err()) })
		s.watch, answer.Body = watch, body
	case strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList"):
		s.asked = append(s.asked, "look")
		answer.Body = io.NopCloser(strings.NewReader(metadataOf(s.list)))
	default:
		s.asked = append(s.asked, "list")
		answer.Body = io.NopCloser(strings.NewReader(s.list))
	}
	return answer, nil
}

// scripted runs a test in a bubble, in which an Instancer follows a script that begins with slices a, b and c at version 1000.
func scripted(t *testing.T, run func(s *script, i *Instancer, w *discoverytest.BubbleWitness), opts ...Option) {
	account := t.TempDir()
	if err := os.WriteFile(filepath.Join(account, "token"), []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, w := &script{t: t}, discoverytest.NewBubbleWitness(func(in muxendpoint.Instance) string { return strings.TrimSuffix(in.Address, ":8080") })
		s.has("1000", "a", "b", "c")
		cfg, err := config{}.with(append([]Option{WithServer("http://script"), WithServiceAccount(account), WithNamespace("shop"), WithLogger(w)}, opts...))
		if err != nil {
			t.Fatal(err)
		}
		i := newInstancer("stock", cfg)
		i.api.client = &http.Client{Transport: s}
		i.follower = discovery.Follow(t.Context(), i.run)
		defer i.Stop()
		w.Watch(i)
		if got, asked := w.Hears(), s.heard(); got != "[a b c]" || asked != "list watch 1000" {
			t.Fatalf("at first %s, asked by %s", got, asked)
		}
		run(s, i, w)
	})
}

// The longest time there is for an answer is no bound, beside whatever it is added to.
func TestTheLongestTimeForAnAnswer(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		s.tells("1001", "d")
		time.Sleep(time.Second)
		if got := w.Hears(); got != "[a b c d]" {
			t.Errorf("it told %s", got)
		}
	}, WithTimeout(math.MaxInt64))
}

// The etcd behind the API server has lost its data, and counts from the beginning: a watch from the place where the last one ended would hear nothing. Nodes
// that are missing have a minute to come back.
func TestAnAPIServerThatHasLostItsData(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		s.has("7")
		s.ends()
		time.Sleep(time.Second)
		if asked := s.heard(); asked != "look list watch 7" {
			t.Errorf("asked by %s", asked)
		}
		if got, lines := w.Hears(), w.Lines("has lost its data"); got != "" || len(lines) != 1 {
			t.Errorf("it told %s, and logged %q", got, lines)
		}
		s.tells("8", "b")
		s.tells("9", "d")
		time.Sleep(time.Second)
		if got := w.Hears(); got != "[a b c d]" {
			t.Error(got)
		}
		time.Sleep(57 * time.Second)
		if got := w.Hears(); got != "" {
			t.Errorf("before a minute is over: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got, lines := w.Hears(), w.Lines("not named any more"); got != "[b d]" || len(lines) != 1 {
			t.Errorf("%s, and logged %q", got, lines)
		}
	})
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) { // restored, of before c and of another a
		s.has("900", "a", "b")
		s.ends()
		time.Sleep(time.Minute)
		if got := w.Hears(); got != "" {
			t.Error(got)
		}
		s.has("7", "a") // and lost again
		s.ends()
		time.Sleep(59 * time.Second)
		if got := w.Hears(); got != "" { // the time has begun anew
			t.Error(got)
		}
		time.Sleep(2 * time.Second)
		if got := w.Hears(); got != "[a]" {
			t.Error(got)
		}
	})
}

// A single one that is missing has its minute too, and no longer.
func TestASingleNodeThatIsLost(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		s.has("7", "a", "b")
		s.ends()
		time.Sleep(59 * time.Second)
		if got := w.Hears(); got != "" {
			t.Errorf("before a minute is over: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got, lines := w.Hears(), w.Lines("not named any more"); got != "[a b]" || len(lines) != 1 {
			t.Errorf("%s, and logged %q", got, lines)
		}
	})
}

// What a watch has missed, a look finds out, whatever the versions say; nothing is held then.
func TestWhatALookFindsOut(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		names   []string
		want    string // empty: it is as it was
	}{
		"nothing":               {"1000", []string{"a", "b", "c"}, ""},
		"one more":              {"2000", []string{"a", "b", "c", "d"}, "[a b c d]"},
		"one less":              {"2000", []string{"a", "b"}, "[a b]"},
		"one instead":           {"2000", []string{"a", "b", "d"}, "[a b d]"},
		"one less, and no more": {"1000", []string{"a", "b"}, "[a b]"},
		"none":                  {"1000", nil, "[]"},
		"versions of no order":  {"v1", []string{"a"}, "[a]"},
	} {
		t.Run(name, func(t *testing.T) {
			scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
				s.has(c.version, c.names...)
				s.ends()
				time.Sleep(time.Second)
				if got := w.Hears(); got != c.want {
					t.Errorf("it told %s, want %s", got, c.want)
				}
				want := "look list watch " + c.version
				if c.want == "" {
					want = "look watch " + c.version
				}
				if asked := s.heard(); asked != want {
					t.Errorf("asked by %s", asked)
				}
			})
		})
	}
}

// A watch goes on from where the last look was, though that found nothing new.
func TestALookMovesOn(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		s.mu.Lock()
		s.list = strings.Replace(s.list, `{"resourceVersion":"1000"},"items"`, `{"resourceVersion":"2000"},"items"`, 1)
		s.mu.Unlock()
		s.ends()
		time.Sleep(time.Second)
		if got, asked := w.Hears(), s.heard(); got != "" || asked != "look watch 2000" {
			t.Errorf("it told %s, asked by %s", got, asked)
		}
	})
}

// What was heard just before a watch ended is told then, not when the next one begins.
func TestTheLastWordOfAWatch(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		time.Sleep(time.Second)
		s.tells("1001", "d")
		s.ends()
		if got := w.Hears(); got != "[a b c d]" {
			t.Errorf("it told %s", got)
		}
	})
}

// What goes well has the pauses after failures begin anew: a watch that the server ends, or an event.
func TestPausesBeginAnew(t *testing.T) {
	for name, well := range map[string]func(s *script){
		"a watch that ends": func(s *script) { s.ends() },
		"an event":          func(s *script) { s.tells("1001", "d"); synctest.Wait(); s.breaks() },
	} {
		t.Run(name, func(t *testing.T) {
			scripted(t, func(s *script, i *Instancer, w *discoverytest.BubbleWitness) {
				s.is(errors.New("away"))
				s.breaks()
				time.Sleep(10 * time.Minute)
				s.is(nil)
				i.Refresh()
				if asked := s.heard(); asked != "look watch 1000" {
					t.Errorf("when it is back it is asked by %s", asked)
				}
				well(s)
				time.Sleep(minBackoff)
				if asked := s.heard(); !strings.HasPrefix(asked, "look ") {
					t.Errorf("after %v it is asked by %q", minBackoff, asked)
				}
			})
		})
	}
}

// A watch that breaks off is told, and that it is over.
func TestAWatchThatBreaks(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		time.Sleep(time.Second)
		s.breaks()
		if got := w.Hears(); got != "!kubernetes: service shop/stock: watching: reset" {
			t.Errorf("it told %s", got)
		}
		time.Sleep(time.Second)
		if got, asked := w.Hears(), s.heard(); got != "[a b c]" || asked != "look watch 1000" {
			t.Errorf("then %s, asked by %s", got, asked)
		}
	})
}

// In the end no connection is kept.
func TestStopClosesConnections(t *testing.T) {
	scripted(t, func(s *script, i *Instancer, _ *discoverytest.BubbleWitness) {
		if n := s.closed.Load(); n != 0 {
			t.Errorf("closed %d times before the end", n)
		}
		i.Stop()
		if n := s.closed.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}
	})
}

// A Set that finds no node asks for a look: also while a watch is there, which may be deaf, but not each second.
func TestAWatchIsDoubtedOnRequest(t *testing.T) {
	scripted(t, func(s *script, i *Instancer, w *discoverytest.BubbleWitness) {
		s.has("2000", "d")
		for range 9 {
			time.Sleep(time.Second)
			i.Refresh()
		}
		if asked := s.heard(); asked != "" {
			t.Errorf("asked by %s", asked)
		}
		time.Sleep(time.Second)
		i.Refresh()
		if got, asked := w.Hears(), s.heard(); got != "[d]" || asked != "look list watch 2000" {
			t.Errorf("it told %s, asked by %s", got, asked)
		}
		for range 100 {
			time.Sleep(time.Second)
			i.Refresh()
		}
		if asked := s.heard(); strings.Count(asked, "look") > 10 || strings.Contains(asked, "list") {
			t.Errorf("asked by %s", asked)
		}
		if got := w.Hears(); got != "" {
			t.Errorf("nothing was new, and it told %s", got)
		}
	})
}

// A slice that comes and goes all the time does not make as many lists, and the last word is what counts; what is no address in it is named
// once.
func TestASliceThatFlaps(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		lists, last := 0, ""
		hear := func() {
			if got := w.Hears(); got != "" {
				lists, last = lists+strings.Count(got, "["), got
			}
		}
		version := 1000
		next := func() string { version++; return fmt.Sprint(version) }
		for range 100 { // 2 s
			s.happens("ADDED", next(), "flap", "x", "no address")
			time.Sleep(10 * time.Millisecond)
			hear()
			s.happens("DELETED", next(), "flap")
			time.Sleep(10 * time.Millisecond)
			hear()
		}
		s.happens("ADDED", next(), "last", "z")
		for range 20 {
			time.Sleep(10 * time.Millisecond)
			hear()
		}
		if lists > 2200/100+1 || !strings.HasSuffix(last, "[a b c z]") {
			t.Errorf("of 201 events %d lists, the last of %s", lists, last)
		}
		if asked, left := s.heard(), w.Lines("left out"); asked != "" || len(left) != 1 {
			t.Errorf("asked by %s, left out %q", asked, left)
		}
	})
}

// ... nor does it hold up what else there is to tell.
func TestASliceThatFlapsHoldsUpNoOther(t *testing.T) {
	scripted(t, func(s *script, _ *Instancer, w *discoverytest.BubbleWitness) {
		time.Sleep(time.Second)
		s.tells("1001", "d")
		for n := range 40 {
			s.happens([]string{"ADDED", "DELETED"}[n%2], fmt.Sprint(1002+n), "flap", "x")
			time.Sleep(10 * time.Millisecond)
		}
		if got := w.Hears(); !strings.HasPrefix(got, "[a b c d") {
			t.Errorf("in 400 ms it told %s", got)
		}
	})
}

func TestVersionsAreNumbers(t *testing.T) {
	for _, c := range []struct {
		version, than string
		want          bool
	}{
		{"1", "2", true}, {"2", "1", false}, {"2", "2", false}, {"9", "10", true}, {"10", "9", false}, {"99999999999999999999998", "99999999999999999999999", true},
		{"", "1", false}, {"1", "", false}, {"0", "1", false}, {"01", "2", false}, {"a", "b", false}, {"1", "b", false}, {"-1", "2", false},
	} {
		if got := older(c.version, c.than); got != c.want {
			t.Errorf("%q is older than %q: %v", c.version, c.than, got)
		}
	}
}
