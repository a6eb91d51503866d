package endpoint

// pending is what discovery has told since the Set last looked: the last list, whether an
// empty one came after it, which does not undo it (see WithKeepNodes), and an error after both.
type pending struct {
	listed    bool
	instances instances
	emptied   bool
	err       error
	queued    bool // the look is on the lane
}

// receive takes what discovery sends, and does nothing else: an Instancer may hold its
// lock while it sends, and user code may want that lock.
func (s *Set) receive() {
	for {
		select {
		case ev := <-s.events:
			s.note(instances{addresses: ev.Instances}, ev.Err)
		case ev := <-s.told:
			s.note(instances{told: ev.Instances}, ev.Err)
		case f := <-s.marks:
			s.lane.push(f)
		case <-s.quit:
			return
		}
	}
}

func (s *Set) note(named instances, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.pending
	switch p.err = err; {
	case err != nil:
	case named.len() == 0:
		p.emptied = true
	default:
		p.listed, p.instances, p.emptied = true, named, false
	}
	if !p.queued {
		p.queued = true
		s.lane.push(s.look)
	}
}

// look follows what discovery has told.
func (s *Set) look() {
	s.mu.Lock()
	p := s.pending
	s.pending = pending{}
	s.mu.Unlock()
	s.lookAt(p)
}

// lookAt follows p, in its order.
func (s *Set) lookAt(p pending) {
	var list instances
	switch {
	case p.listed:
		list, p.listed = p.instances, false
	case p.emptied:
		p.emptied = false
	case p.err != nil:
		s.fail(worded(p.err))
		return
	default:
		return
	}
	s.mu.Lock()
	unknown := s.read(list)
	s.mu.Unlock()
	if len(unknown) == 0 { // as ever while nothing is new, or it is ours to parse
		s.follow()
		s.lookAt(p)
		return
	}
	for _, in := range unknown {
		s.parse(in)
	}
	rest := p
	s.lane.next(func() {
		s.follow()
		s.lookAt(rest)
	}, nil)
}

// fail follows an error of the discovery's.
func (s *Set) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.err == nil || s.err.Error() != err.Error() { // else it was told
		s.log("msg", "service discovery failed", "nodes", len(s.order), "err", said(err, maxText))
	}
	if s.err == nil || s.cfg.keep.of(true) == KeepForever {
		s.err = err
	}
	s.dropped(s.lack(true))
}
