package native_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// frameSize are settings that say nothing but the largest frame.
func frameSize(n uint64) []byte { return settingsOf(pair{1, n}) }

// tooLarge makes a call that must fail at the peer's limit, without a byte sent.
func (s *scripted) tooLarge(text string, limit string) {
	s.t.Helper()
	_, err := s.call(text).result()
	var e *muxpool.Error
	if !errors.As(err, &e) || e.Sent() || !errors.Is(err, muxpool.ErrFrameTooLarge) || !strings.Contains(err.Error(), "the peer takes at most "+limit) {
		s.t.Fatalf("%.20q: got %v", text, err)
	}
}

// The client's settings are the first that the server gets, once.
func TestClientsSettingsComeFirst(t *testing.T) {
	s := newScripted(t, muxpool.WithMaxFrameSize(1<<20))
	c := s.call("a")
	id, frame := s.frame()
	got, err := native.Protocol{}.ReadSettings(frame)
	if want := (muxpool.Settings{MaxFrameSize: 1 << 20, MinVersion: 2, MaxVersion: 2}); id != 0 || err != nil || got != want {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
	s.answer(s.request())
	if _, err := c.result(); err != nil {
		t.Fatal(err)
	}
	c = s.call("b")
	if _, frame := s.frame(); frame[5] != 1 {
		t.Errorf("a frame of kind %d came in front of the second request", frame[5])
	}
	s.nc.Close()
	_, _ = c.result()
}

// Settings count from where they are in the stream, and the last of them alone.
func TestSettingsAtOddTimes(t *testing.T) {
	long := strings.Repeat("x", 1000)
	t.Run("before the first request", func(t *testing.T) {
		s := newScripted(t)
		c := s.call("a")
		s.accept()
		wrote := make(chan struct{})
		go func() { defer close(wrote); _, _ = s.nc.Write(frameSize(500)) }() // the pool may be writing
		a := s.request()
		wait(t, "the settings to be read", wrote)
		s.answer(a)
		if _, err := c.result(); err != nil {
			t.Fatal(err)
		}
		s.tooLarge(long, "500")
	})
	t.Run("twice in a row", func(t *testing.T) {
		s := newScripted(t)
		s.exchange("a", frameSize(5000), frameSize(500))
		s.tooLarge(long, "500")
	})
	t.Run("again, for more", func(t *testing.T) {
		s := newScripted(t)
		s.exchange("a", frameSize(500))
		s.tooLarge(long, "500")
		s.exchange("b", frameSize(5000))
		s.exchange(long)
	})
	t.Run("again, saying nothing", func(t *testing.T) {
		s := newScripted(t)
		s.exchange("a", frameSize(500))
		s.exchange("b", settingsOf())
		s.exchange(long)
	})
	t.Run("in the middle of calls", func(t *testing.T) {
		s := newScripted(t)
		sent := s.call(long) // it was on its way before anybody knew
		a := s.request()
		s.exchange("b", frameSize(500))
		s.tooLarge(long, "500")
		s.answer(a)
		if got, err := sent.result(); err != nil || got != long {
			t.Errorf("the call that had been sent: %.20q, %v", got, err)
		}
	})
	t.Run("a hundred times", func(t *testing.T) {
		s := newScripted(t)
		for n := range uint64(100) {
			s.exchange("a", frameSize(500+n))
		}
		s.tooLarge(long, "599")
		onlyConn(t, s.pool)
	})
}

// A peer that takes nothing gets nothing, and the calls say why; one that takes
// anything gets what this side would send anyway.
func TestHostileLimits(t *testing.T) {
	t.Run("1 byte", func(t *testing.T) {
		s := newScripted(t)
		s.exchange("a", settingsOf(pair{1, 1}, pair{2, 1}, pair{3, 1}, pair{4, 1}))
		for range 10 {
			s.tooLarge("b", "1")
		}
		if got := onlyConn(t, s.pool); got.InFlight != 0 || got.Peer.MaxCalls != 1 {
			t.Errorf("%+v", got)
		}
		s.write(frameSize(500)) // it thinks better of it,
		s.write(frameSize(500)) // and this is read after that was taken note of
		s.exchange("c")
	})
	t.Run("0", func(t *testing.T) {
		s := newScripted(t)
		s.exchange("a", settingsOf(pair{1, 0}, pair{2, 0}))
		s.exchange(strings.Repeat("x", 1<<20))
	})
	t.Run("all there is", func(t *testing.T) {
		s := newScripted(t, muxpool.WithMaxFrameSize(2000))
		s.exchange("a", settingsOf(pair{1, math.MaxUint64}, pair{2, math.MaxUint64}, pair{5, math.MaxUint64}, pair{7, math.MaxUint64}))
		s.exchange(strings.Repeat("x", 1000))
		if _, err := s.call(strings.Repeat("x", 2000)).result(); !errors.Is(err, muxpool.ErrFrameTooLarge) {
			t.Errorf("over this side's own limit: %v", err)
		}
	})
}

// Settings that make no sense end the connection, and the error says so.
func TestMalformedSettingsEndTheConnection(t *testing.T) {
	bad := settingsOf(pair{2, 5}, pair{1, 6})
	t.Run("of a server", func(t *testing.T) {
		s := newScripted(t)
		c := s.call("a")
		a := s.request()
		s.write(bad)
		_, err := c.result()
		if !errors.Is(err, muxpool.ErrProtocol) || !strings.Contains(err.Error(), "settings") || !strings.Contains(err.Error(), "setting 1 behind setting 2") {
			t.Errorf("got %v", err)
		}
		if _, err := s.nc.Write(appendAnswer(t, a.id, body("late"))); err == nil {
			t.Error("the connection was not closed")
		}
	})
	for _, over := range networks {
		t.Run("of a client over "+over, func(t *testing.T) {
			s := serve(t, over)
			nc := s.dial(t)
			write(t, nc, bad)
			if _, err := io.Copy(io.Discard, nc); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the connection did not end: %v", err)
			}
			if err := wait(t, "a report", s.reports); !strings.Contains(err.Error(), "the client's settings") ||
				!strings.Contains(err.Error(), "setting 1 behind setting 2") {
				t.Errorf("reported as %v", err)
			}
		})
	}
}

// A server takes settings whenever they come; with the last it answers, and errors
// that fit into 256 bytes it sends to whoever says that it takes less.
func TestServerTakesSettingsAtOddTimes(t *testing.T) {
	for _, over := range networks {
		t.Run(over, func(t *testing.T) {
			s := serve(t, over)
			nc := s.dial(t)
			var sent uint32
			big := func(method string, settings ...[]byte) answer {
				t.Helper()
				sent++
				write(t, nc, append(settings, appendRequest(t, sent, &transport.Message{Method: method, Body: make([]byte, 300)}))...)
				return read(t, nc)
			}
			if a := big("Echo"); a.err != nil || len(a.Body) != 300 {
				t.Errorf("before any: %+v", a)
			}
			for _, c := range []struct {
				settings [][]byte
				ok       bool
			}{
				{[][]byte{frameSize(257)}, false},
				{nil, false},
				{[][]byte{frameSize(257), frameSize(1000)}, true},
				{[][]byte{frameSize(1)}, false},
				{[][]byte{settingsOf()}, true},
				{[][]byte{frameSize(1), frameSize(0)}, true},
				{[][]byte{frameSize(math.MaxUint64)}, true},
			} {
				a := big("Echo", c.settings...)
				if c.ok && (a.err != nil || len(a.Body) != 300) || !c.ok && asError(t, a.err).Code != transport.CodeTooLarge {
					t.Errorf("after %x: %+v", c.settings, a)
				}
			}
			if a := big("Nowhere", frameSize(1)); asError(t, a.err).Code != transport.CodeUnimplemented {
				t.Errorf("an error of less than 256 bytes to a client that says 1: %v", a.err)
			}
		})
	}
}

// The server's settings come in front of whatever it says first, once, and only to a
// client that it could read.
func TestServersSettingsComeFirst(t *testing.T) {
	for name, first := range map[string][]byte{
		"request":  appendRequest(t, 7, &transport.Message{Method: "Echo"}),
		"ping":     native.Protocol{}.AppendKeepAlive(nil, 7),
		"settings": append(frameSize(1000), native.Protocol{}.AppendKeepAlive(nil, 7)...),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "tcp", transport.ServiceMaxFrameSize(1<<20), transport.ServiceMaxInFlight(77, 0))
			nc := s.dial(t)
			write(t, nc, first)
			id, frame, err := native.Protocol{}.Parse(nc)
			if err != nil || id != 0 {
				t.Fatalf("id %d, %v", id, err)
			}
			got, err := native.Protocol{}.ReadSettings(frame)
			if want := (muxpool.Settings{MaxFrameSize: 1 << 20, MaxCalls: 77, MaxMetadataPairs: 256, MaxMetadataBytes: 64 << 10, MinVersion: 2, MaxVersion: 2}); err != nil || got != want {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			if a := readFrame(t, nc); a.id != 7 {
				t.Errorf("behind them: %+v", a)
			}
			write(t, nc, appendRequest(t, 8, &transport.Message{Method: "Echo"}))
			if a := readFrame(t, nc); a.id != 8 {
				t.Errorf("then: %+v", a)
			}
		})
	}
}
