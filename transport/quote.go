package transport

import (
	"fmt"

	"github.com/muxkit/muxkit/internal/text"
)

// both is two errors as one, whose text is one line; nil if both are.
func both(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return fmt.Errorf("%w; %w", first, second)
}

// quote makes text from a peer fit for a log line or an error: cut to max bytes,
// and quoted if it holds anything that does not print.
func quote(s string, max int) string { return text.Shown(s, max) }
