package transport_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// unpacking is the native protocol with bodies that unpack when open says so.
type unpacking struct {
	native.Protocol
	open func(body []byte) (io.Reader, error)
}

func (p unpacking) ParseRequest(frame []byte, req *transport.Message) error {
	if err := p.Protocol.ParseRequest(frame, req); err != nil {
		return err
	}
	body := req.Body
	if len(body) == 0 {
		return nil
	}
	return req.Unpack(1<<20, func() (io.Reader, error) { return p.open(body) })
}

// TestBodiesAreUnpackedInTurns: of each connection one body is unpacked at a time, of all
// as many as there are processors; a call without one does not wait for them.
func TestBodiesAreUnpackedInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		p, s, stop := servePipesOf(t, unpacking{open: func([]byte) (io.Reader, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return zeros{}, io.EOF
		}}, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		greedy, second := p.dial(t), p.dial(t)
		first, others := readAll(greedy), readAll(second)
		if _, err := greedy.Write(batch(t, 100, "M")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := now.Load(); n != 1 {
			t.Errorf("%d bodies of one connection are unpacked at once", n)
		}
		start := time.Now()
		if _, err := second.Write(append(request(t, 1, "M", "packed"), request(t, 2, "M", "")...)); err != nil {
			t.Fatal(err)
		}
		if a := bounded.Receive(t, others); a.id != 2 || a.err != nil || time.Since(start) > 0 {
			t.Errorf("after %v got %+v", time.Since(start), a)
		}
		if a := bounded.Receive(t, others); a.id != 1 || time.Since(start) > 3*time.Second {
			t.Errorf("after %v got %+v", time.Since(start), a)
		}
		if n := most.Load(); n > int64(runtime.GOMAXPROCS(0)) {
			t.Errorf("%d bodies were unpacked at once", n)
		}
		for len(first) < 100 {
			time.Sleep(time.Second)
		}
		greedy.Close()
		second.Close()
		synctest.Wait()
		if stats := s.Stats(); stats.Bytes != 0 {
			t.Errorf("left are %+v", stats)
		}
	})
}

// TestPanicWhileUnpacking: it fails that call only.
func TestPanicWhileUnpacking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := make(chan error, 1)
		p, _, stop := servePipesOf(t, unpacking{open: func([]byte) (io.Reader, error) { panic("boom") }},
			map[string]*transport.Server{"M": rawServer(echo, transport.ServerErrorHandler(kittransport.ErrorHandlerFunc(
				func(_ context.Context, err error) { handled <- err })))})
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		for id, body := range []string{"packed", "", "packed"} {
			if _, err := nc.Write(request(t, uint32(id+1), "M", body)); err != nil {
				t.Fatal(err)
			}
			a, err := readAnswer(nc)
			if err != nil {
				t.Fatal(err)
			}
			var e *transport.Error
			if body == "" && a.err != nil || body != "" && (!errors.As(a.err, &e) || e.Code != transport.CodeInternal || !e.NotRun) {
				t.Errorf("call %d: %+v", id, a)
			}
			if body != "" && !errors.Is(bounded.Receive(t, handled), transport.ErrPanicked) {
				t.Error("nobody was told of a panic")
			}
		}
	})
}

// TestBodiesThatCannotBeUnpackedAreReportedRarely: they are the client's doing, as often as it
// likes: that is for the handler whose errors are counted, not for that of the Server.
func TestBodiesThatCannotBeUnpackedAreReportedRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ofServer, ofService atomic.Int64
		count := func(n *atomic.Int64) kittransport.ErrorHandler {
			return kittransport.ErrorHandlerFunc(func(context.Context, error) { n.Add(1) })
		}
		p, s, stop := servePipesOf(t, unpacking{open: func([]byte) (io.Reader, error) { return nil, errors.New("no such packing") }},
			map[string]*transport.Server{"M": rawServer(echo, transport.ServerErrorHandler(count(&ofServer)))},
			transport.ServiceErrorHandler(count(&ofService)))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		if _, err := nc.Write(batch(t, 100, "M")); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			var e *transport.Error
			if a := bounded.Receive(t, answers); !errors.As(a.err, &e) || e.Code != transport.CodeInvalidArgument || !e.NotRun {
				t.Fatalf("got %+v", a)
			}
		}
		synctest.Wait()
		if told, rarely := ofServer.Load(), ofService.Load(); told != 0 || rarely != 10 {
			t.Errorf("the Server's handler hears %d times, the Service's %d", told, rarely)
		}
		if n := s.Stats().Refused.Invalid; n != 100 {
			t.Errorf("%d are counted", n)
		}
	})
}

// TestCallThatIsCancelledBeforeItsBodyIsUnpacked: it gives up its turn, is answered unrun, and was no call
// that made no sense.
func TestCallThatIsCancelledBeforeItsBodyIsUnpacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var opened atomic.Int64
		p, s, stop := servePipesOf(t, unpacking{open: func([]byte) (io.Reader, error) {
			opened.Add(1)
			<-release
			return strings.NewReader("unpacked"), nil
		}}, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		if _, err := nc.Write(batch(t, 2, "M")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		first := uint32(1) // that which has the turn
		for _, id := range []uint32{1, 2} {
			if _, err := nc.Write(native.Protocol{}.AppendCancel(nil, id)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if len(answers) == 0 {
				first = id
				continue
			}
			if a := bounded.Receive(t, answers); a.id != id || asError(t, a.err).Code != transport.CodeCanceled || !asError(t, a.err).NotRun {
				t.Errorf("got %+v", a)
			}
		}
		close(release)
		if a := bounded.Receive(t, answers); a.id != first {
			t.Errorf("got %+v", a)
		}
		synctest.Wait()
		if st := s.Stats(); st.Refused != (transport.RefusedStats{}) || st.InFlight != 0 || st.Bytes != 0 || opened.Load() != 1 {
			t.Errorf("%d bodies were unpacked, the figures are %+v", opened.Load(), st)
		}
	})
}

// TestNoRoomToUnpack: a call for whose unpacking there is no memory is refused unrun, like any for which there
// is none; later there is.
func TestNoRoomToUnpack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const frame, budget = 1 << 10, 2<<10 + 64<<10 // the least: two frames, and what they count for beside
		release := make(chan struct{})
		var running, opened atomic.Int64
		methods := blocking(&running, release)
		methods["Echo"] = rawServer(echo)
		p, s, stop := servePipesOf(t, unpacking{open: func([]byte) (io.Reader, error) {
			opened.Add(1)
			return strings.NewReader("unpacked"), nil
		}}, methods, transport.ServiceMaxFrameSize(frame), transport.ServiceMaxBytes(budget, 0))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		for id := range uint32(6) { // of 4 KiB each
			if _, err := nc.Write(request(t, id+1, "M", "")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := nc.Write(request(t, 7, "Echo", "packed")); err != nil {
			t.Fatal(err)
		}
		if a := bounded.Receive(t, answers); a.id != 7 || !refusedAnswer(a) {
			t.Errorf("got %+v", a)
		}
		synctest.Wait() // all have begun
		if st := s.Stats(); st.Refused != (transport.RefusedStats{ConnBytes: 1}) || opened.Load() != 0 || running.Load() != 6 {
			t.Errorf("%d bodies were unpacked, %d calls run, the figures are %+v", opened.Load(), running.Load(), st)
		}
		close(release)
		for range 6 {
			bounded.Receive(t, answers)
		}
		if _, err := nc.Write(request(t, 8, "Echo", "packed")); err != nil {
			t.Fatal(err)
		}
		if a := bounded.Receive(t, answers); a.err != nil || a.body != "unpacked" {
			t.Errorf("later: %+v", a)
		}
		synctest.Wait()
		if st := s.Stats(); st.Bytes != 0 {
			t.Errorf("left are %+v", st)
		}
	})
}
