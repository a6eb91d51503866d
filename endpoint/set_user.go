package endpoint

// guard calls f, which is the user's, and logs its panic.
func (s *Set) guard(what string, f func()) {
	defer func() {
		if v := recover(); v != nil {
			s.log("msg", "panic in "+what, "err", newPanicError(v).Error())
		}
	}()
	f()
}

// log has the logger write a line, on the lane. One that blocks gets no other one before it
// has returned; one that panics can tell that nobody.
func (s *Set) log(keyvals ...any) {
	if s.logger == nil {
		return
	}
	s.lane.next(func() {
		if !s.logging.CompareAndSwap(false, true) {
			s.unlogged.Add(1)
			return
		}
		defer s.logging.Store(false)
		defer func() { _ = recover() }()
		if n := s.unlogged.Swap(0); n > 0 {
			keyvals = append(keyvals, "lost_before", n)
		}
		s.logger.Log(keyvals...)
	}, nil)
}
