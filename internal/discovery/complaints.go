package discovery

import (
	"fmt"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/text"
)

const (
	maxTold = 1024 // after which what was told is forgotten
	maxText = 256  // bytes of an entry, or an error, in a line
)

// Complaints names entries that are left out, each once for as long as it is wrong in the same way, even
// if it comes and goes meanwhile. It belongs to one goroutine.
type Complaints struct {
	Logger log.Logger // nil: nobody listens
	told   map[string]struct{}
}

// LeftOut says that an entry is left out, and why, unless it was said.
func (c *Complaints) LeftOut(entry string, err error) {
	id := entry + "\x00" + err.Error()
	if _, ok := c.told[id]; ok || c.Logger == nil {
		return
	}
	if c.told == nil || len(c.told) >= maxTold {
		c.told = make(map[string]struct{})
	}
	c.told[id] = struct{}{}
	c.Logger.Log("msg", "an entry is left out", "entry", text.Shown(entry, maxText), "err", text.Said(err.Error(), maxText))
}

// NoneError says that a list had entries, and none of them was an instance, which is no order to
// drop all nodes.
type NoneError struct {
	Entries int
	First   error
}

func (e *NoneError) Error() string {
	return fmt.Sprintf("none of %d entries is an instance; the first: %v", e.Entries, e.First)
}

func (e *NoneError) Unwrap() error { return e.First }
