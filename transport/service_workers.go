package transport

// idleWorkers is how many goroutines a Service keeps between calls: their stacks
// have grown to what the calls need.
const idleWorkers = 256

// dispatchNow lets a goroutine run call, an idle one or a new one. It reports
// false if ServiceWorkers allows no more.
func (s *Service) dispatchNow(call *serverCall) bool {
	select {
	case s.work <- call:
		return true
	default:
	}
	if n := s.running.Add(1); s.workers == 0 || n <= int64(s.workers) {
		go s.worker(call)
		return true
	}
	s.running.Add(-1)
	return false
}

// dispatch waits for a worker that becomes free. It reports false if done closed
// first.
func (s *Service) dispatch(call *serverCall, done <-chan struct{}) bool {
	select {
	case s.work <- call:
		return true
	case <-done:
		return false
	}
}

// worker runs call, and then what dispatch hands to it.
func (s *Service) worker(call *serverCall) {
	defer s.running.Add(-1)
	for {
		s.run(call)
		if s.idle.Add(1) > idleWorkers && s.workers == 0 {
			s.idle.Add(-1)
			return
		}
		select {
		case call = <-s.work:
			s.idle.Add(-1)
		case <-s.stopped:
			s.idle.Add(-1)
			return
		}
	}
}
