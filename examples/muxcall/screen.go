package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// screen is where boards are drawn.
type screen struct {
	out     io.Writer
	control bool // it is a terminal that moves its cursor
	open    bool
	size    func() (columns, lines int)
	drawn   int
}

func newScreen(s streams) *screen {
	c := &screen{out: s.out, size: func() (int, int) { return 0, 0 }}
	if kind := os.Getenv("TERM"); s.terminal {
		c.size = terminalSize
		c.control = kind != "" && kind != "dumb"
	}
	return c
}

// What a terminal obeys: see xterm's control sequences. A picture is drawn over the last one,
// line by line, so that nothing flickers.
const (
	enter     = "\x1b[?1049h\x1b[?25l" // another screen, no cursor
	leave     = "\x1b[?25h\x1b[?1049l"
	home      = "\x1b[H"
	clearLine = "\x1b[K"
	clearRest = "\x1b[J"
)

// draw shows a board in one write.
func (c *screen) draw(b *board) error {
	columns, lines := c.size()
	shown := b.lines(columns)
	var out strings.Builder
	switch {
	case c.control:
		if lines > 1 && len(shown) > lines {
			shown = append(shown[:lines-1], fmt.Sprintf("... %d lines more", len(shown)-lines+1))
		}
		if !c.open {
			out.WriteString(enter)
		}
		c.open = true
		out.WriteString(home + strings.Join(shown, clearLine+"\r\n") + clearLine + clearRest)
	default:
		if c.drawn > 0 {
			out.WriteString("\n")
		}
		out.WriteString(strings.Join(shown, "\n") + "\n")
	}
	c.drawn++
	_, err := io.WriteString(c.out, out.String())
	return err
}

// close gives the terminal back as it was.
func (c *screen) close() {
	if c.open {
		c.open = false
		_, _ = io.WriteString(c.out, leave)
	}
}
