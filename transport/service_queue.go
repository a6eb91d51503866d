package transport

// runQueue holds the calls of a connection that no goroutine runs yet. Each call may
// block for as long as it likes without delaying another, as if it had a goroutine of
// its own, but goroutines are only started where calls do block: a worker that takes a
// call while others wait first sees to it that another worker comes for those, and
// only then runs its own; if that ends before the other has come, it takes the next
// itself. So calls that end quickly are run by few, one after the other, and a call
// that blocks costs one goroutine.
//
// Invariant: while calls wait, bound is true, or a worker holds the lock to take one:
// somebody who is not running a call comes for them.
//
// It is guarded by the mutex of its connection.
type runQueue struct {
	first, last *serverCall // linked by queued
	bound       bool        // a worker was sent, and has not arrived
}

// push adds a call, and reports whether the caller is to send a worker.
func (q *runQueue) push(call *serverCall) (send bool) {
	if q.first == nil {
		q.first = call
	} else {
		q.last.queued = call
	}
	q.last = call
	send = !q.bound
	q.bound = true
	return send
}

// take removes the oldest call, nil if there is none, and reports whether the
// caller is to send another worker before it runs that call.
func (q *runQueue) take() (call *serverCall, send bool) {
	if call = q.first; call == nil {
		return nil, false
	}
	q.first, call.queued = call.queued, nil
	if q.first == nil {
		q.last = nil
		return call, false
	}
	send = !q.bound
	q.bound = true
	return call, send
}

// enqueue leaves a call to the connection's workers.
func (c *serverConn) enqueue(call *serverCall) {
	c.mu.Lock()
	send := c.queue.push(call)
	c.mu.Unlock()
	if send {
		c.service.start(c)
	}
}

// next takes a call of the queue, and sends another worker if need be.
func (c *serverConn) next(arrived bool) *serverCall {
	c.mu.Lock()
	if arrived {
		c.queue.bound = false
	}
	call, send := c.queue.take()
	c.mu.Unlock()
	if send {
		c.service.start(c)
	}
	return call
}

// work implements job: it runs the calls that wait. While the client does not read
// its answers, no more of them are made: a worker waits, outside of any call, for as much
// room in the writer's queue as those want that wait with theirs.
func (c *serverConn) work(s *Service) {
	var turn turn
	for arrived := true; ; arrived = false {
		turn.step()
		if c.throttle.backed.Load() > 0 {
			c.awaitRoom(max(1, int(c.throttle.wanted.Load())))
		}
		call := c.next(arrived)
		if call == nil {
			return
		}
		s.run(call)
	}
}
