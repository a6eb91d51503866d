package discoverytest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Logger is a logger that keeps its lines. It is safe for concurrent use.
type Logger struct {
	mu    sync.Mutex
	lines []string
}

// Log keeps a line: keys and values, one behind the other.
func (l *Logger) Log(keyvals ...any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprint(keyvals...))
	return nil
}

// Lines are those in which text is; "" is in all.
func (l *Logger) Lines(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool { return !strings.Contains(line, text) })
}
