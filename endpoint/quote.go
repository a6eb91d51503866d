package endpoint

import "github.com/muxkit/muxkit/internal/text"

// maxText bounds, in bytes, what a peer or a discovery system may add to a log
// line or to an error of this package.
const maxText = 256

// quote makes text of others harmless: control characters and line breaks are
// escaped, and what is longer than max bytes is cut.
func quote(s string, max int) string { return text.Quoted(s, max) }

// shown is quote for text that stands by itself, as a value in a log line: what prints is
// not quoted, since whoever writes the line does that, and errors of the transport have
// done it with the words of peers.
func shown(s string, max int) string { return text.Shown(s, max) }
