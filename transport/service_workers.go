package transport

// idleWorkers is how many goroutines a Service keeps between calls: their stacks
// have grown to what the calls need.
const idleWorkers = 256

// job is what a worker does: a call, or those that wait on a connection.
type job interface{ work(*Service) }

// dispatchNow gives j to a goroutine, an idle one or a new one. It reports false if
// ServiceWorkers allows no more.
func (s *Service) dispatchNow(j job) bool {
	select {
	case s.jobs <- j:
		return true
	default:
	}
	if n := s.running.Add(1); s.workers == 0 || n <= int64(s.workers) {
		go s.worker(j)
		return true
	}
	s.running.Add(-1)
	return false
}

// dispatch waits for a worker that becomes free. It reports false if done closed
// first.
func (s *Service) dispatch(j job, done <-chan struct{}) bool {
	select {
	case s.jobs <- j:
		return true
	case <-done:
		return false
	}
}

// worker does j, and then what dispatch hands to it.
func (s *Service) worker(j job) {
	defer s.running.Add(-1)
	for {
		j.work(s)
		if s.idle.Add(1) > idleWorkers && s.workers == 0 {
			s.idle.Add(-1)
			return
		}
		select {
		case j = <-s.jobs:
			s.idle.Add(-1)
		case <-s.stopped:
			s.idle.Add(-1)
			return
		}
	}
}
