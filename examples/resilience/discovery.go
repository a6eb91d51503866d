package main

import (
	"sync"

	"github.com/go-kit/kit/sd"
)

// discovery is an Instancer that says what it is told to.
type discovery struct {
	mu    sync.Mutex // guards all below
	last  sd.Event
	hears []chan<- sd.Event
}

func (d *discovery) Register(ch chan<- sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hears = append(d.hears, ch)
	ch <- d.last
}

func (d *discovery) Deregister(ch chan<- sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range d.hears {
		if c == ch {
			d.hears = append(d.hears[:i], d.hears[i+1:]...)
			return
		}
	}
}

func (d *discovery) Stop() {}

func (d *discovery) say(e sd.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = e
	for _, ch := range d.hears {
		ch <- e
	}
}
