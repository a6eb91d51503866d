package muxtest

import (
	"sync"
	"time"
)

// Action is what a Peer does with a frame that arrived. It runs in the
// goroutine that reads the connection: while it blocks, nothing more is read.
type Action func(c *Conn, f Frame)

// Echo sends the ordinary answer, as Conn.Reply does.
func Echo(c *Conn, f Frame) { c.Reply(f) }

// Drop answers nothing: a black hole that still reads.
func Drop(*Conn, Frame) {}

// Duplicate answers twice.
func Duplicate(c *Conn, f Frame) {
	c.Reply(f)
	c.Reply(f)
}

// Close ends the connection in good order, without an answer.
func Close(c *Conn, _ Frame) { c.Close() }

// AnswerAndClose answers, and ends the connection in good order at once.
func AnswerAndClose(c *Conn, f Frame) {
	c.Reply(f)
	c.Close()
}

// Reset resets the connection, without an answer.
func Reset(c *Conn, _ Frame) { c.Reset() }

// StopReading reads nothing more until the connection ends.
func StopReading(c *Conn, _ Frame) { <-c.Done() }

// UnknownID answers with an id that is not the frame's, then as it should.
func UnknownID(c *Conn, f Frame) {
	stray := Frame{Kind: Answer, ID: ^f.ID, Nonce: ^f.Nonce}
	c.Send(stray)
	c.Reply(f)
}

// Garbage sends bytes that are no frame.
func Garbage(c *Conn, _ Frame) {
	c.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: keep-alive\r\n\r\n"))
}

// HugeLength sends the header of an answer with a body of 4 GiB less one byte,
// and nothing after it.
func HugeLength(c *Conn, f Frame) {
	f.Kind, f.Body = Answer, nil
	head := AppendFrame(nil, f)
	copy(head[4:8], "\xff\xff\xff\xff")
	c.Write(head)
}

// GoingAway asks for no new calls, and answers.
func GoingAway(c *Conn, f Frame) {
	c.Send(Frame{Kind: GoAway})
	c.Reply(f)
}

// Cut sends the first n bytes of the answer and closes the connection.
func Cut(n int) Action { return cut(n, (*Conn).closeNow) }

// CutReset sends the first n bytes of the answer and resets the connection.
func CutReset(n int) Action { return cut(n, (*Conn).Reset) }

func (c *Conn) closeNow() { c.Close() }

func cut(n int, end func(*Conn)) Action {
	return func(c *Conn, f Frame) {
		f, _ = reply(f)
		b := AppendFrame(nil, f)
		c.writeLast(b[:min(n, len(b))])
		end(c)
	}
}

// Delay answers after d; frames behind it are not held up.
func Delay(d time.Duration) Action {
	return func(c *Conn, f Frame) { c.after(d, func() { c.Reply(f) }) }
}

// Trickle sends the answer one byte at a time, each after gap. Other answers on
// the connection wait behind it.
func Trickle(gap time.Duration) Action {
	return func(c *Conn, f Frame) {
		c.peer.goes(func() {
			f, _ = reply(f)
			select {
			case <-c.turn:
			case <-c.Done():
				return
			}
			defer func() { c.turn <- struct{}{} }()
			for _, b := range AppendFrame(nil, f) {
				select {
				case <-time.After(gap):
				case <-c.Done():
					return
				}
				if _, err := c.write([]byte{b}); err != nil {
					return
				}
			}
		})
	}
}

// Stream answers a Call with n frames: n-1 of the kind More, then the Answer.
func Stream(n int) Action {
	return func(c *Conn, f Frame) {
		for range n - 1 {
			c.Send(Frame{Kind: More, ID: f.ID, Nonce: f.Nonce, Body: f.Body})
		}
		c.Reply(f)
	}
}

// First does act with the first n frames of each connection, and rest with those
// behind them.
func First(n int, act, rest Action) Action {
	return func(c *Conn, f Frame) {
		if c.Received() <= n {
			act(c, f)
		} else {
			rest(c, f)
		}
	}
}

// OnConn does act on the connection with that index, and rest on the others.
func OnConn(index int, act, rest Action) Action {
	return func(c *Conn, f Frame) {
		if c.Index == index {
			act(c, f)
		} else {
			rest(c, f)
		}
	}
}

// Calls does act with frames of the kind Call, and answers the others.
func Calls(act Action) Action {
	return func(c *Conn, f Frame) {
		if f.Kind == Call {
			act(c, f)
		} else {
			c.Reply(f)
		}
	}
}

// Hold keeps frames until the test lets them go. The zero value is ready.
type Hold struct {
	mu   sync.Mutex // guards held; no I/O under it
	held []held
}

type held struct {
	c *Conn
	f Frame
}

// Do is the Action that keeps a frame.
func (h *Hold) Do(c *Conn, f Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, held{c, f})
}

// Len returns how many frames are kept.
func (h *Hold) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.held)
}

// Release does act (nil: Echo) with every kept frame, the last one first, so
// that answers come in another order than calls.
func (h *Hold) Release(act Action) {
	if act == nil {
		act = Echo
	}
	h.mu.Lock()
	all := h.held
	h.held = nil
	h.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		act(all[i].c, all[i].f)
	}
}
