package endpoint

import (
	"slices"
	"time"
)

// subscribe sends to ch what there is, and goes on.
func subscribe[E any](p *Publisher, ch chan<- E, event func(InstancesEvent) E) {
	s := &subscriber{wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	s.send = func(ev InstancesEvent) bool {
		select {
		case ch <- event(ev):
			return true
		case <-s.quit:
			return false
		}
	}
	p.unsubscribe(ch)
	p.mu.Lock()
	last, stopped := InstancesEvent{Instances: slices.Clone(p.list)}, p.stopped
	s.lists = p.lists
	if !stopped {
		if p.subscribers == nil {
			p.subscribers = make(map[any]*subscriber)
		}
		p.subscribers[ch] = s
	}
	p.mu.Unlock()
	known := s.lists > 0
	if stopped {
		if known {
			ch <- event(last)
		}
		return
	}
	if known && !s.send(last) {
		close(s.done)
		return
	}
	go s.follow(p)
}

func (p *Publisher) unsubscribe(ch any) {
	p.mu.Lock()
	s := p.subscribers[ch]
	delete(p.subscribers, ch)
	p.mu.Unlock()
	if s != nil {
		close(s.quit)
		<-s.done
	}
}

// follow sends what is new, until quit.
func (s *subscriber) follow(p *Publisher) {
	defer close(s.done)
	for {
		ev, ok := p.next(s)
		if !ok {
			select {
			case <-s.wake:
				continue
			case <-s.quit:
				return
			}
		}
		if !s.send(ev) || !s.rest(p.MinInterval) {
			return
		}
	}
}

// next is what s does not know yet: a list before an error that came after it.
func (p *Publisher) next(s *subscriber) (ev InstancesEvent, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case s.lists != p.lists:
		s.lists = p.lists
		return InstancesEvent{Instances: slices.Clone(p.list)}, true
	case p.err != nil && s.errs != p.errs:
		s.errs = p.errs
		return InstancesEvent{Err: p.err}, true
	}
	return ev, false
}

// rest waits between two events, and reports whether it goes on.
func (s *subscriber) rest(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.quit:
		return false
	}
}
