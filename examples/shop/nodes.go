package main

import (
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/kit/sd"
)

// nodesFile is an Instancer of the nodes that a file names, one a line, as something else writes
// them there. It is safe for concurrent use.
type nodesFile struct {
	name string
	wake chan struct{} // a look is wanted now
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup

	mu    sync.Mutex // guards all below; held while events are sent, which a Set only takes
	last  sd.Event
	hears []chan<- sd.Event
}

// lookEvery is how often it looks unasked.
const lookEvery = 100 * time.Millisecond

// watchNodes has looked once when it returns.
func watchNodes(name string) *nodesFile {
	f := &nodesFile{name: name, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	f.last = f.read()
	f.done.Go(f.run)
	return f
}

func (f *nodesFile) run() {
	for tick := time.NewTicker(lookEvery); ; {
		select {
		case <-tick.C:
		case <-f.wake:
		case <-f.quit:
			tick.Stop()
			return
		}
		f.tell(f.read())
	}
}

// read reads the file. Whether it has changed its text says, not its time.
func (f *nodesFile) read() sd.Event {
	text, err := os.ReadFile(f.name)
	if err != nil {
		return sd.Event{Err: err}
	}
	return sd.Event{Instances: strings.Fields(string(text))}
}

func (f *nodesFile) tell(e sd.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Equal(e.Instances, f.last.Instances) && text(e.Err) == text(f.last.Err) {
		return
	}
	f.last = e
	for _, ch := range f.hears {
		ch <- e
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Refresh implements muxendpoint.Refresher.
func (f *nodesFile) Refresh() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Register implements sd.Instancer.
func (f *nodesFile) Register(ch chan<- sd.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hears = append(f.hears, ch)
	ch <- f.last
}

// Deregister implements sd.Instancer.
func (f *nodesFile) Deregister(ch chan<- sd.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hears = slices.DeleteFunc(f.hears, func(c chan<- sd.Event) bool { return c == ch })
}

// Stop implements sd.Instancer. It returns when nobody is told any more, and may be called again.
func (f *nodesFile) Stop() {
	f.once.Do(func() { close(f.quit) })
	f.done.Wait()
}
