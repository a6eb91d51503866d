package discoverytest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
)

// Witness keeps what an Instancer tells. It is safe for concurrent use.
type Witness struct {
	show func(muxendpoint.Instance) string

	mu   sync.Mutex
	list string // the last
	err  error  // after it; nil: none
	seen []string
	errs []error
}

// ErrNothing is what [Witness.Now] returns before anything was told.
var ErrNothing = errors.New("nothing was told yet")

// Watch hears what an Instancer tells until the test ends. A list is its instances as show has them, sorted, with spaces
// between; nil: as they print.
func Watch(t testing.TB, i muxendpoint.Instancer, show func(muxendpoint.Instance) string) *Witness {
	if show == nil {
		show = muxendpoint.Instance.String
	}
	w := &Witness{show: show, err: ErrNothing}
	ch, quit, ended := make(chan muxendpoint.InstancesEvent), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case ev := <-ch:
				w.note(ev)
			case <-quit:
				return
			}
		}
	}()
	i.RegisterInstances(ch)
	t.Cleanup(func() {
		i.DeregisterInstances(ch)
		close(quit)
		bounded.Receive(t, ended)
	})
	return w
}

func (w *Witness) note(ev muxendpoint.InstancesEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err = ev.Err; ev.Err != nil {
		w.errs = append(w.errs, ev.Err)
		return
	}
	var all []string
	for _, in := range ev.Instances {
		all = append(all, w.show(in))
	}
	slices.Sort(all)
	w.list = strings.Join(all, " ")
	w.seen = append(w.seen, w.list)
}

// Now is the last list, and the error after it, if there was one.
func (w *Witness) Now() (list string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.list, w.err
}

// Sees waits until the last that was told is this list.
func (w *Witness) Sees(t testing.TB, list string) {
	t.Helper()
	w.eventually(t, "the list is to be "+list, func(got string, err error) bool { return got == list && err == nil })
}

// Told waits until this list was told since the last call of History, also where another followed at once.
func (w *Witness) Told(t testing.TB, list string) {
	t.Helper()
	w.eventually(t, "the list was to be "+list, func(string, error) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Contains(w.seen, list)
	})
}

// Fails waits until the last that was told is an error with this text, and checks that this list was the last before it.
func (w *Witness) Fails(t testing.TB, list, text string) {
	t.Helper()
	var before string
	w.eventually(t, "an error: "+text, func(got string, err error) bool {
		before = got
		return err != nil && err != ErrNothing && strings.Contains(err.Error(), text)
	})
	if before != list {
		t.Errorf("the list was to be %q before an error, and is %q", list, before)
	}
}

func (w *Witness) eventually(t testing.TB, what string, yes func(list string, err error) bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			list, err := w.Now()
			t.Logf("it is %q, then %v", list, err)
		}
	}()
	Eventually(t, what, func() bool { return yes(w.Now()) })
}

// History are the lists that were told since the last call of it.
func (w *Witness) History() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.seen
	w.seen = nil
	return h
}

// Errors are all that were told.
func (w *Witness) Errors() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.errs)
}
