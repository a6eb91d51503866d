package text

import (
	"strings"
	"testing"
)

func TestSaidKeepsTheEnd(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"", 12, ""},
		{"all of it", 12, "all of it"},
		{"all that is", 11, "all that is"},
		{"all that is", 10, "all...that is"},
		{"the first: the second: the last", 12, "the ...the last"},
		{"ä ä ä ä ä ä ä", 7, "ä...ä ä"}, // no character is cut
		{"a\nb", 12, `"a\nb"`},
		{"long, long\nlonger: last", 12, `long...er: last`}, // what is left out needs no quotes
		{"界界界", 0, "..."},
		{"xxxxxä12345", 9, "xxx...12345"}, // no more than the rest of it is left out
		{"ää", 1, "..."},
		{"xxxxx🙂12345", 12, "xxxx...12345"}, // three bytes of it would be left
	} {
		if got := Said(c.in, c.max); got != c.want {
			t.Errorf("Said(%q, %d): %s, want %s", c.in, c.max, got, c.want)
		}
	}
	if got := Cut(strings.Repeat("x", 100)+"\n", 30); got != strings.Repeat("x", 10)+"..."+strings.Repeat("x", 19)+"\n" {
		t.Errorf("Cut: %q", got)
	}
	// Where no character begins, no more than three bytes are left out.
	if got := Cut(strings.Repeat("\x80", 30), 12); got != "..."+strings.Repeat("\x80", 5) {
		t.Errorf("Cut: %q", got)
	}
}

func TestWithout(t *testing.T) {
	for _, c := range []struct{ in, name, want string }{
		{"", "tcp://a:1", ""},
		{"boom", "tcp://a:1", "boom"},
		{"boom", "", "boom"},
		{"Sum on tcp://a:1: boom", "tcp://a:1", "Sum: boom"},
		{"get tcp://a:1 (not sent): boom", "tcp://a:1", "get (not sent): boom"},
		{"tcp://a:1 node expelled: dial failed", "tcp://a:1", "node expelled: dial failed"},
		{"tcp://a:1: boom", "tcp://a:1", "boom"},
		{"Sum on tcp://a:1: Stock on tcp://a:12: boom", "tcp://a:1", "Sum: Stock on tcp://a:12: boom"},
		{"Sum on tcp://a:12: boom on tcp://a:1.", "tcp://a:1", "Sum on tcp://a:12: boom."},
		{"Sum on unix:///a/b: Stock on unix:///a: boom", "unix:///a", "Sum on unix:///a/b: Stock: boom"},
		{"read tcp 10.0.0.9:1->10.0.0.1:80: reset", "10.0.0.9:1->10.0.0.1:80", "read tcp: reset"},
		{"not at www.sum.internal, nor at sum.internal-2, but at sum.internal", "sum.internal", "not at www.sum.internal, nor at sum.internal-2, but at"},
		{"tcp://a:1 tcp://a:1 twice", "tcp://a:1", "twice"},
		{"(tcp://a:1: boom)", "tcp://a:1", "(: boom)"}, // what stands behind is not passed over
		{"at [::1]:80[::1]:80: boom", "[::1]:80", "at: boom"},
	} {
		if got := Without(c.in, c.name); got != c.want {
			t.Errorf("%q without %s: %q, want %q", c.in, c.name, got, c.want)
		}
	}
}

func TestLead(t *testing.T) {
	for _, c := range []struct{ method, want string }{
		{"Sum", "Sum on tcp://a:1: "}, {"", "tcp://a:1: "}, {"S\num", `"S\num" on tcp://a:1: `},
		{strings.Repeat("x", 100), strings.Repeat("x", 80) + "... on tcp://a:1: "},
	} {
		if got := Lead(c.method, "tcp://a:1"); got != c.want {
			t.Errorf("%q", got)
		}
	}
}

// FuzzWithout: whatever the text is, what is left of it has the name in it only as a part of a
// longer one, and nothing new.
func FuzzWithout(f *testing.F) {
	f.Add("Sum on tcp://a:1: boom, tcp://a:12, tcp://a:1", "tcp://a:1")
	f.Fuzz(func(t *testing.T, s, name string) {
		got := Without(s, name)
		if len(got) > len(s) {
			t.Errorf("%q without %q: %q", s, name, got)
		}
		if name != "" && got == s && strings.HasPrefix(s, name+" ") && len(s) > len(name)+1 && !partOf("", s[len(name):]) {
			t.Errorf("%q still has %q", got, name)
		}
	})
}
