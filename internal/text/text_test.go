package text

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShownAndQuoted(t *testing.T) {
	for _, c := range []struct{ in, shown, quoted string }{
		{"", "", `""`},
		{"plain, ä, 界", "plain, ä, 界", `"plain, ä, 界"`},
		{"a\nb", `"a\nb"`, `"a\nb"`},
		{"\x1b[31m", `"\x1b[31m"`, `"\x1b[31m"`},
		{"\u202eright to left", `"\u202eright to left"`, `"\u202eright to left"`},
		{"\xff", `"\xff"`, `"\xff"`},
		{strings.Repeat("x", 31) + "界", strings.Repeat("x", 31) + "...", `"` + strings.Repeat("x", 31) + `"...`},
		{strings.Repeat("x", 32) + "\n", strings.Repeat("x", 32) + "...", `"` + strings.Repeat("x", 32) + `"...`},
	} {
		if got := Shown(c.in, 32); got != c.shown {
			t.Errorf("Shown(%q) is %s", c.in, got)
		}
		if got := Quoted(c.in, 32); got != c.quoted {
			t.Errorf("Quoted(%q) is %s", c.in, got)
		}
	}
}

// Not even a limit within the first character leaves a part of one.
func TestTheFirstCharacterIsNotCut(t *testing.T) {
	for max, want := range []string{"...", "...", "...", "界...", "界...", "界...", "界界"} {
		if got := Shown("界界", max); got != want {
			t.Errorf("Shown, at most %d: %q, want %q", max, got, want)
		}
	}
	// Where no character begins, three bytes are looked back at.
	for max, want := range map[int]string{2: `...`, 5: `"\x80"...`} {
		if got := Shown(strings.Repeat("\x80", 9), max); got != want {
			t.Errorf("Shown, at most %d: %s, want %s", max, got, want)
		}
	}
}

func TestError(t *testing.T) {
	if got := Error(io.EOF, 32); got != io.EOF {
		t.Errorf("a good error became %v", got)
	}
	cause := &pathError{}
	got := Error(errors.Join(errors.New("line\nbreak"), cause), 12)
	if got.Error() != `"line...ak\ncause"` || !errors.Is(got, cause) {
		t.Errorf("got %v", got)
	}
	var as *pathError
	if !errors.As(got, &as) || as != cause {
		t.Error("the cause is lost")
	}
}

type pathError struct{}

func (*pathError) Error() string { return "cause" }

// FuzzShown: whatever comes, what is shown is one printing line, not much longer than was asked for.
func FuzzShown(f *testing.F) {
	f.Add("a\nb\x1b\u202e", 3)
	f.Fuzz(func(t *testing.T, s string, max int) {
		if max < 0 || max > 1<<10 {
			return
		}
		for _, got := range []string{Shown(s, max), Quoted(s, max), Said(s, max)} {
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x1b\u202e") || len(got) > 10*max+5 {
				t.Errorf("%q, at most %d: %q", s, max, got)
			}
		}
	})
}
