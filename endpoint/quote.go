package endpoint

import "strconv"

// maxText bounds, in bytes, what a peer or a discovery system may add to a log
// line or to an error of this package.
const maxText = 256

// quote makes text of others harmless: control characters and line breaks are
// escaped, and what is longer than max bytes is cut.
func quote(s string, max int) string {
	if len(s) <= max {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:max]) + "..."
}
