package transport

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestAgesOfConnections: they are told to go at a tenth before or after the age, evenly between.
func TestAgesOfConnections(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	const age = time.Hour
	s := &Service{serviceOptions: serviceOptions{maxAge: age}}
	least, most := 2*age, time.Duration(0)
	for range 5000 { // of which none falls into the last twentieth of a side, but once in 10^100 times
		c := newServerConn(s, theirs)
		at := c.oldAt.Sub(c.born)
		least, most = min(least, at), max(most, at)
	}
	if least < age*9/10 || least > age*91/100 || most > age*11/10 || most < age*109/100 {
		t.Errorf("connections are old after %v to %v, want %v to %v", least, most, age*9/10, age*11/10)
	}
	if c := newServerConn(new(Service), theirs); !c.oldAt.IsZero() {
		t.Errorf("without an age they are old at %v", c.oldAt)
	}
}

// TestWhatIsATimeout: an error that says so; not one that could.
func TestWhatIsATimeout(t *testing.T) {
	for err, want := range map[error]bool{
		os.ErrDeadlineExceeded: true,
		errWoken:               true,
		fmt.Errorf("read: %w", os.ErrDeadlineExceeded):    true,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}: false,
		net.ErrClosed:      false,
		io.EOF:             false,
		errors.New("boom"): false,
	} {
		if got := isTimeout(err); got != want {
			t.Errorf("%v is a timeout: %v, want %v", err, got, want)
		}
	}
}

// TestTimeOfAFrame: so long from its first byte, and what its bytes are granted, up to the largest frame;
// four times as long where packets are lost, and no time is beyond what can be said.
func TestTimeOfAFrame(t *testing.T) {
	for name, row := range map[string]struct {
		timeout time.Duration
		came    int
		lossy   bool
		want    time.Duration
	}{
		"nothing has come":    {5 * time.Second, 0, false, 5 * time.Second},
		"some has":            {5 * time.Second, 50, false, 5*time.Second + time.Second/2},
		"more than a frame":   {5 * time.Second, 1000, false, 5*time.Second + 2*time.Second},
		"packets are lost":    {5 * time.Second, 50, true, 20*time.Second + time.Second/2},
		"for ever":            {math.MaxInt64 / 2, 0, false, math.MaxInt64 / 2},
		"for ever, with loss": {math.MaxInt64 / 2, 0, true, math.MaxInt64 / lossPatience * lossPatience},
	} {
		o := serviceOptions{limits: ServiceLimits{MaxFrameSize: 200}, frameTimeout: row.timeout, frameRate: 100}
		began := time.Unix(0, 0)
		s := timedSource{conn: &serverConn{service: &Service{serviceOptions: o}}, began: began, came: row.came, lossy: row.lossy}
		if got := s.frameEnd().Sub(began); got != row.want {
			t.Errorf("%s: it has %v, want %v", name, got, row.want)
		}
	}
}

// TestWhenMemoryIsGivenBack: a second after the last byte, and then, while calls or their bytes are there, each
// five seconds; then no more, and the connection is idle.
func TestWhenMemoryIsGivenBack(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	const idle = time.Hour
	born := time.Now()
	c := &serverConn{service: &Service{serviceOptions: serviceOptions{idleTimeout: idle}}, born: born,
		reader: wire.NewReader(theirs, 0), writer: wire.NewWriter(theirs, wire.WriterConfig{})}
	c.account.open(new(admission), 0)
	s := timedSource{conn: c, arrived: born}
	s.beginWait()
	for i, row := range []struct {
		calls int32
		bytes int64
		want  time.Duration // from when the connection began
	}{{1, 1, time.Second}, {1, 0, 6 * time.Second}, {0, 1, 11 * time.Second}, {0, 0, 16 * time.Second}} {
		c.writer.InFlight.Store(row.calls)
		c.account.bytes.Store(row.bytes)
		at := born.Add(row.want)
		if got := s.deadline(at.Add(-time.Millisecond)); got != at {
			t.Errorf("%d: it is given back after %v, want %v", i, got.Sub(born), row.want)
		}
		s.shrink(at)
	}
	if got := s.deadline(born); got != born.Add(idle) {
		t.Errorf("then it is looked after at %v, want %v", got.Sub(born), idle)
	}
}
