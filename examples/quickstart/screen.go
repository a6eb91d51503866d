package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen shows lines that stay and, below them, a table that changes: redrawn in
// place on a terminal, printed now and then elsewhere. It is safe for concurrent
// use.
type screen struct {
	out   io.Writer
	live  bool
	began time.Time

	// mu keeps the output of different goroutines apart; it is held while writing
	// to out.
	mu    sync.Mutex
	table []string // on a terminal: what is drawn below the lines that stay
}

func newScreen(out io.Writer, live bool) *screen {
	return &screen{out: out, live: live, began: time.Now()}
}

// interval is how often a new table is welcome.
func (s *screen) interval() time.Duration {
	if s.live {
		return 100 * time.Millisecond
	}
	return time.Second
}

// say prints a line that stays.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.table
	s.erase()
	fmt.Fprintf(s.out, "%6.2fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
	s.draw(table)
}

// Write makes the screen a logger's output.
func (s *screen) Write(b []byte) (int, error) {
	s.say("%s", strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// show replaces the table.
func (s *screen) show(table []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.draw(table)
}

// erase takes the table off a terminal. mu is held.
func (s *screen) erase() {
	if len(s.table) > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", len(s.table)) // up, and clear to the end (ECMA-48 CUU, ED)
	}
	s.table = nil
}

// draw writes the table. mu is held.
func (s *screen) draw(table []string) {
	if len(table) == 0 {
		return
	}
	text := strings.Join(table, "\n")
	if s.live {
		s.table = table
		text = "\x1b[?7l" + text + "\x1b[?7h" // cut what is too wide: a wrapped line would count twice
	}
	fmt.Fprintln(s.out, text)
}

// isTerminal reports whether f is a terminal that understands escape sequences.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	term := os.Getenv("TERM")
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && term != "" && term != "dumb"
}
