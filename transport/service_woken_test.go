package transport_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// overtaken is a connection on which, once it is armed, the server goes away just before the next deadline
// is set: that takes the place of the one which was to wake who reads.
type overtaken struct {
	net.Conn
	armed  atomic.Bool
	goAway func()
	woken  chan struct{}
}

func (c *overtaken) SetReadDeadline(d time.Time) error {
	if d.Equal(time.Unix(1, 0)) {
		defer close(c.woken)
	} else if c.armed.CompareAndSwap(true, false) {
		c.goAway()
		<-c.woken
	}
	return c.Conn.SetReadDeadline(d)
}

// TestGoingAwayIsNoticedBeforeAWait: a connection whose reader was about to wait when the server went away
// tells its client at once.
func TestGoingAwayIsNoticedBeforeAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		ours, theirs := net.Pipe()
		var down sync.WaitGroup
		server := &overtaken{Conn: theirs, woken: make(chan struct{}), goAway: func() {
			down.Go(func() { _ = s.Shutdown(context.Background()) })
		}}
		p.conns <- server
		if err := callOnce(t, ours); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it waits for the next call
		server.armed.Store(true)
		start := time.Now()
		sent := make(chan error, 1)
		go func() {
			_, err := ours.Write(native.Protocol{}.AppendCancel(nil, 5)) // it looks, and waits anew
			sent <- err
		}()
		if a, err := readAnswer(ours); err != nil || a.kind != 7 || time.Since(start) > 0 {
			t.Errorf("after %v got %+v, %v, want that the server goes away", time.Since(start), a, err)
		}
		bounded.Receive(t, sent)
		ours.Close()
		bounded.Wait(t, down.Wait)
	})
}

// TestGoingAwayInTheMiddleOfAFrame: the rest of it has its time, and it is dealt with.
func TestGoingAwayInTheMiddleOfAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		frame := request(t, 1, "M", "body")
		if _, err := nc.Write(frame[:10]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var down sync.WaitGroup
		down.Go(func() { _ = s.Shutdown(context.Background()) })
		answers := readAll(nc)
		time.Sleep(3 * time.Second)
		if len(answers) > 0 {
			t.Errorf("it is told in the middle of a frame: %+v", bounded.Receive(t, answers))
		}
		if _, err := nc.Write(frame[10:]); err != nil {
			t.Fatal(err)
		}
		told, answered := 0, 0
		for a := range answers {
			switch {
			case a.kind == 7:
				told++
			case a.err == nil && a.body == "body":
				answered++
			}
		}
		if told != 1 || answered != 1 {
			t.Errorf("it is told %d times that the server goes away, and answered %d times", told, answered)
		}
		bounded.Wait(t, down.Wait)
	})
}
