package muxpool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// orderTable tells stories of connections whose answers come in order, with the stall timeout
// of 3 s, and one connection. A story is words:
//
//	A B C     a call, that writes a request; again: it writes one more
//	A:2s      a call that has 2 s
//	A>        a call that is one-way
//	A! A-     its context is canceled; it is closed
//	A/        it is closed with a last frame, which is not answered
//	= ~       the peer sends the next answer; a part of it
//	^ .       the peer sends a push; the answer to a keepalive
//	?         the peer is asked for a sign of life
//	1s        time passes
//	#  %      the peer closes, in the middle of a frame
//
// After it stands what each call has read, answers by their numbers, and why no more came, and
// what has become of the connection.
var orderTable = `
one                        | A =                      | A 0
in turn                    | A B C = = =              | A 0, B 1, C 2
in a row, then more        | A B = C = =              | A 0, B 1, C 2
one that writes twice      | A B A = = =              | A 0 2, B 1
in parts                   | A B ~ ~ = =              | A 0.0 0.1 0.2, B 1
pushes take no place       | ^ A ^ B ~ ^ = ^ = ^      | A 0.0 0.1, B 1
a keepalive has a place    | A ? B = . =              | A 0, B 2
who leaves keeps its place | A B A- C = = =           | A closed, B 1, C 2
likewise, canceled         | A B A! C = = =           | A canceled, B 1, C 2
likewise, timed out        | A:1s B 2s C = = =        | A deadline, B 1, C 2
with a last frame          | A B A/ C = = =           | A closed, B 1, C 2
all have left              | A B A- B- = C = =        | A closed, B closed, C 2
in the middle of its parts | A B ~ A- ~ = =           | A 0.0, B 1
one-way calls have none    | A B> C = =               | A 0, B, C 1
no answer is asked for     | A = =                    | A 0, lost: protocol error
none ever was              | =                        | , lost: nothing
one too many, of nobody    | A B A- = = = C           | A closed, B 1, C, lost: protocol error
a part of nothing          | A = ~                    | A 0, lost: protocol error
the peer closes            | A B = #                  | A 0, B lost, lost: conn lost
in the middle of a frame   | A B = %                  | A 0, B lost, lost: conn lost

the head times out         | A:1s B 1s 2900ms         | A deadline, B
and has its time           | A:1s B 1s 3200ms         | A deadline, B lost, lost: stalled
pushes are no sign of life | A:1s B 2s ^ 1s ^ 1s ^ 1s | A deadline, B lost, lost: stalled
answers are                | A:1s B C 3s = 3s = 3s =  | A deadline, B 1, C 2
parts of it are            | A:1s B 3s ~ 2s ~ 2s ~ 2s | A deadline, B
its caller waits           | A B:1s 2s 10s            | A, B deadline
until it leaves            | A B:1s C 2s 10s A- 4s    | A closed, B deadline, C lost, lost: stalled
it was canceled            | A B A! 60s               | A canceled, B
and others time out        | A B:5s A! C 4s 2s 3s     | A canceled, B deadline, C lost, lost: stalled
the next that times out    | A B:1s C 2s = 4s         | A 0, B deadline, C lost, lost: stalled
answered, the next canceled | A:1s 2s = B B! C 10s    | A deadline, B canceled, C
answered, the next is late | A:1s 2s = 60s B:1s 2500ms | A deadline, B deadline
nobody is left             | A:1s 5s                  | A deadline, lost: stalled
a slow peer, many times    | A:1s 2s = B:1s 2s = C:1s 2s = D = | A deadline, B deadline, C deadline, D 3
`

func TestOrderTable(t *testing.T) {
	for row := range strings.Lines(orderTable) {
		if row = strings.TrimSpace(row); row == "" {
			continue
		}
		cells := strings.Split(row, "|")
		name, story, want := strings.TrimSpace(cells[0]), cells[1], strings.TrimSpace(cells[2])
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := tellOrder(t, strings.Fields(story)); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		})
	}
}

func tellOrder(t *testing.T, story []string) string {
	var down Reason
	w := newOrderWorld(t, WithStallTimeout(3*time.Second), WithKeepAlive(2*time.Second))
	defer w.end()
	w.pool.Subscribe(func(e Event) {
		if e.Kind == ConnDown {
			down = e.Reason
		}
	})
	named := make(map[string]*orderCall)
	var names []string
	for _, word := range story {
		w.tell(word, named, &names)
		synctest.Wait()
		w.check()
	}
	var told []string
	for _, name := range names {
		told = append(told, strings.TrimSpace(name+" "+named[name].outcome()))
	}
	said := strings.Join(told, ", ")
	if len(w.peers) == 0 {
		return said + ", lost: nothing"
	}
	if w.peers[0].ended {
		said += ", lost: " + down.String()
	}
	return said
}

func (w *orderWorld) tell(word string, named map[string]*orderCall, names *[]string) {
	if d, err := time.ParseDuration(word); err == nil {
		time.Sleep(d) // of bubble time
		return
	}
	send := func(kind byte) {
		if len(w.peers) > 0 {
			w.peers[0].send(kind)
		}
	}
	name := word[:1]
	c := named[name]
	switch rest := word[1:]; {
	case word == "=":
		send(orderLast)
	case word == "~":
		send(orderMore)
	case word == "^":
		send(orderPush)
	case word == ".":
		send(orderAlive)
	case word == "?":
		w.calls[0].mux.conn.sendKeepAlive()
	case word == "#":
		w.peers[0].nc.Close()
	case word == "%":
		_, _ = w.peers[0].nc.Write([]byte{orderLast, 0})
		w.peers[0].nc.Close()
	case rest == "!":
		c.cancel()
	case rest == "-":
		c.leave()
	case rest == "/":
		c.mux.CloseWith(worldFrame(orderPush, 0, 0))
		c.leave()
	case c != nil:
		w.write(c)
	default:
		timeout, _ := time.ParseDuration(strings.TrimPrefix(rest, ":"))
		*names = append(*names, name)
		if rest == ">" {
			named[name] = w.open(0, (*GetOptions).WithOneWay)
		} else {
			named[name] = w.open(timeout)
		}
	}
}

// outcome is what a call has read, and why no more came.
func (c *orderCall) outcome() string {
	var words []string
	for _, frame := range c.frames {
		word := fmt.Sprint(frame[4])
		if c.frames[0][0] == orderMore {
			word += fmt.Sprintf(".%d", frame[8])
		}
		words = append(words, word)
	}
	select {
	case <-c.done:
	default:
		return strings.Join(words, " ")
	}
	if len(words) > 0 { // it has what it wanted
		return strings.Join(words, " ")
	}
	for _, why := range []struct {
		err  error
		word string
	}{{ErrMuxConnClosed, "closed"}, {context.Canceled, "canceled"}, {context.DeadlineExceeded, "deadline"}, {ErrConnLost, "lost"}} {
		if errors.Is(c.err, why.err) {
			return why.word
		}
	}
	return c.err.Error()
}

// TestOrderedCallsGoEverywhere: of connections on which nothing is awaited no one is preferred.
func TestOrderedCallsGoEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newOrderWorld(t, WithConnectNumber(3))
		defer w.end()
		placed := make(map[*conn]int)
		for range 300 { // chance: 3 times 2 to the power of -175 that one is left out
			m, err := w.pool.GetMuxConn(t.Context(), "tcp", "peer:1", w.opts)
			if err != nil {
				t.Fatal(err)
			}
			placed[m.(*muxConn).conn]++
			m.Close()
			synctest.Wait()
		}
		if len(placed) != 3 {
			t.Errorf("%d connections of 3 are used", len(placed))
		}
	})
}

// TestOrderOptions: what makes no sense where answers come in order is refused, and says why.
func TestOrderOptions(t *testing.T) {
	pool, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	opts := NewGetOptions()
	opts.WithFrameParser(orderParser{})
	if _, err := pool.GetMuxConn(t.Context(), "udp", "127.0.0.1:9", opts); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "in order") {
		t.Error(err)
	}
	opts.WithStream()
	if _, err := pool.GetMuxConn(t.Context(), "tcp", "127.0.0.1:9", opts); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "WithStream") {
		t.Error(err)
	}
}
