package muxpool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// ending is what may end a call.
type ending struct {
	w      *world
	m      *muxConn
	cancel context.CancelFunc
}

// callEnds are the ways. Each call has a context, which "with" makes, or an option.
var callEnds = []struct {
	name string
	with string
	end  func(e *ending)
}{
	{"Close", "", func(e *ending) { e.m.Close() }},
	{"cancel", "", func(e *ending) { e.cancel() }},
	{"cancel, ours", "ours", func(e *ending) { e.cancel() }},
	{"deadline", "", func(e *ending) { time.Sleep(2 * time.Minute) }},               // of bubble time, as are all here
	{"deadline, ours", "ours", func(e *ending) { time.Sleep(2 * time.Minute) }},     // likewise
	{"deadline, option", "option", func(e *ending) { time.Sleep(2 * time.Minute) }}, // likewise
	{"too much unread", "", func(e *ending) {
		for range 5 {
			e.send(endMore)
		}
		time.Sleep(2 * defaultRecvWait) // likewise
	}},
	{"answer too large", "", func(e *ending) { e.send(endLarge) }},
	{"peer closes", "", func(e *ending) { e.w.peers[0].nc.Close() }},
	{"peer sends junk", "", func(e *ending) { e.send(endLarge + 1) }},
	{"keepalive timeout", "", func(e *ending) { e.m.conn.close(ReasonKeepAliveTimeout, ErrKeepAliveTimeout) }},
	{"write fails", "", func(e *ending) {
		e.m.conn.writeFailed(errors.New("broken pipe"))
		time.Sleep(2 * lastWords) // likewise
	}},
	{"pool closes", "", func(e *ending) { e.w.pool.Close() }},
	{"pool shuts down", "", func(e *ending) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		e.w.pool.Shutdown(ctx)
	}},
}

func (e *ending) send(kind byte) {
	frame := worldFrame(kind, e.m.id, 1)
	go e.w.peers[0].nc.Write(frame) // fails where the connection has ended
	synctest.Wait()
}

// playEnd plays one cell of the table.
func playEnd(w *world, end func(*ending), with, asked string, waits bool) string {
	if asked == "mute" {
		w.dials = 3
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	if with == "ours" {
		ctx, cancel = deadline.WithTimeout(context.Background(), time.Minute)
	}
	defer cancel()
	var m *muxConn
	if with == "option" {
		m = w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Minute) })
	} else {
		m = w.mustGet(ctx)
	}
	c := m.conn
	e := &ending{w, m, cancel}
	if asked == "mute" { // what another call writes is in the way
		other := w.mustGet(context.Background())
		defer other.Close()
		w.mustWrite(other, 0)
		synctest.Wait()
	}
	if asked != "nothing" {
		w.mustWrite(m, 1)
		synctest.Wait()
	}
	if asked == "answered" || asked == "read" {
		e.send(worldAnswer)
	}
	if asked == "read" {
		if _, err := m.Read(); err != nil {
			w.t.Fatal(err)
		}
	}
	before := w.counted(c)
	read := make(chan error, 1)
	waits = waits && asked != "answered"
	if waits {
		go func() {
			_, err := m.Read()
			for err == nil {
				_, err = m.Read()
			}
			read <- err
		}()
		synctest.Wait()
	}
	end(e)
	synctest.Wait()
	var told []string
	select {
	case err := <-read:
		told = append(told, "woken: "+tellEnd(err))
	default:
		frames := 0
		for !waits {
			_, err := m.Read()
			if err != nil {
				told = append(told, fmt.Sprintf("%d read, then %s", frames, tellEnd(err)))
				break
			}
			frames++
		}
		if waits {
			told = append(told, "asleep")
		}
	}
	if err := m.Write(worldFrame(worldAnswer, m.id, 2)); err != nil {
		told = append(told, "write: "+tellEnd(err))
	} else {
		told = append(told, "written")
	}
	told = append(told, w.idOf(c, m.id)+w.since(c, &before))
	m.Close()
	synctest.Wait()
	told = append(told, "closed: "+w.idOf(c, m.id)+w.since(c, &before))
	if waits && len(read) > 0 {
		told = append(told, "woken by Close: "+tellEnd(<-read))
	}
	if asked != "mute" {
		e.send(worldAnswer)
		told = append(told, "late: "+w.idOf(c, m.id)+w.since(c, &before))
	}
	return strings.Join(told, "; ")
}

// tellEnd is the cause of a call's error, and whether it was sent.
func tellEnd(err error) string {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return "untold: " + err.Error()
	}
	sent := "unsent"
	if e.Sent() {
		sent = "sent"
	}
	for _, cause := range []struct {
		err  error
		word string
	}{
		{context.Canceled, "canceled"}, {context.DeadlineExceeded, "deadline"}, {ErrMuxConnClosed, "closed"},
		{ErrRecvQueueFull, "queue full"}, {ErrFrameTooLarge, "frame too large"}, {ErrProtocol, "protocol error"},
		{ErrKeepAliveTimeout, "keepalive timeout"}, {ErrPoolClosed, "pool closed"}, {ErrConnLost, "lost"},
	} {
		if errors.Is(err, cause.err) {
			return cause.word + ", " + sent
		}
	}
	return err.Error() + ", " + sent
}

// idOf tells the state of an id.
func (w *world) idOf(c *conn, id uint32) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == connClosed:
		return "gone"
	case c.ids.live.find(id) != nil:
		return "live"
	case c.ids.inUse(id):
		return fmt.Sprintf("reserved for %d", c.ids.reserved.awaited(id))
	}
	return "free"
}

// endCounters are those that the end of a call moves.
type endCounters struct {
	Counters
	lapsed int
}

func (w *world) counted(c *conn) endCounters {
	c.mu.Lock()
	defer c.mu.Unlock()
	return endCounters{c.node.counters.snapshot(), c.health.lapsed}
}

// since tells what was counted since before, and sets that.
func (w *world) since(c *conn, before *endCounters) (told string) {
	now := w.counted(c)
	for _, k := range []struct {
		name string
		n    int
	}{
		{"late", int(now.Late - before.Late)}, {"duplicate", int(now.Duplicate - before.Duplicate)},
		{"unknown", int(now.Unknown - before.Unknown)}, {"overflowed", int(now.Overflowed - before.Overflowed)},
		{"lapsed", now.lapsed - before.lapsed},
	} {
		if k.n != 0 {
			told += fmt.Sprintf(", %s %+d", k.name, k.n)
		}
	}
	*before = now
	return told
}

// Kinds of frames besides worldParser's.
const (
	endMore  = worldAlive + 1 + iota // an answer that others follow
	endLarge                         // one that is over the limit
)

// endParser has answers of several frames, and some that are too large.
type endParser struct{}

func (endParser) Parse(r io.Reader) (uint32, []byte, error) {
	head, err := r.(FrameReader).Peek(worldLen)
	if err != nil {
		return 0, nil, err
	}
	switch {
	case head[0] == endLarge:
		return 0, nil, ErrFrameTooLarge
	case head[0] > endLarge:
		return 0, nil, fmt.Errorf("kind %d", head[0])
	}
	frame := make([]byte, worldLen)
	_, err = io.ReadFull(r, frame)
	return binary.BigEndian.Uint32(frame[1:]), frame, err
}

func (endParser) ClassifyFrame(vid uint32, frame []byte) FrameKind {
	if frame[0] == endMore {
		return FrameMore
	}
	if frame[0] == endLarge {
		return FrameLast
	}
	return worldParser{}.ClassifyFrame(vid, frame)
}

func (endParser) Measure(header []byte) (vid uint32, total int64, ok bool) {
	return binary.BigEndian.Uint32(header[1:]), worldLen, true
}
