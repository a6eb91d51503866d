package transport

import "strconv"

// quote makes text from a peer fit for a log line or an error: cut to max bytes,
// and quoted if it holds anything but printable ASCII without quotes or spaces.
func quote(s string, max int) string {
	cut := ""
	if len(s) > max {
		s, cut = s[:max], "..."
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return strconv.QuoteToASCII(s) + cut
		}
	}
	return s + cut
}
