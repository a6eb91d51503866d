package jsonrpc

import "testing"

// A value may end where the text does; one that is open there, or no value at all, does not.
func TestValuesAtTheEnd(t *testing.T) {
	for text, ok := range map[string]bool{
		"12": true, "true": true, `"a"`: true, "{}": true, "[1]": true, "": false, `"a`: false, "{": false, "[1": false, `{"a":1`: false,
	} {
		if v, rest, got := value([]byte(text)); got != ok || ok && (string(v) != text || len(rest) != 0) {
			t.Errorf("%q: the value %q, behind it %q, %v", text, v, rest, got)
		}
	}
}
