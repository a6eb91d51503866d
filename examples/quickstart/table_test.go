package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
)

func TestRender(t *testing.T) {
	got := strings.Join(render("2 callers", []row{
		{node: muxpool.Node{Network: "tcp", Address: "127.0.0.1:4001"}, conns: 2, inFlight: 1, answered: 17},
		{node: muxpool.Node{Network: "tcp", Address: "127.0.0.1:4002"}, answered: 9, failed: 3,
			state: breaker.Open, reason: breaker.ReasonNodeExpelled, retry: 1500 * time.Millisecond},
	}), "\n")
	const want = `2 callers
  NODE            CONNS  IN FLIGHT  ANSWERED  FAILED  BREAKER  REASON
  127.0.0.1:4001  2      1          17        0       closed
  127.0.0.1:4002  0      0          9         3       open     node expelled, probe in 1.5 s`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestScreenRedrawsInPlace(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out, true)
	s.show([]string{"a", "b"})
	out.Reset()
	s.say("news")
	got := out.String()
	if !strings.HasPrefix(got, "\x1b[2A\x1b[J") || !strings.Contains(got, "news\n\x1b[?7la\nb\x1b[?7h\n") {
		t.Errorf("a line above a table of two lines: %q", got)
	}
}

func TestScreenWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out, false)
	s.show([]string{"a"})
	s.say("news")
	if strings.Contains(out.String(), "\x1b") || !strings.HasPrefix(out.String(), "a\n") {
		t.Errorf("plain output: %q", out.String())
	}
}
