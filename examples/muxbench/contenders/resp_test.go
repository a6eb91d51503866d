package contenders

import (
	"errors"
	"io"
	"testing"
)

const respEcho = "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n"

func TestParseCommand(t *testing.T) {
	for n := range len(respEcho) {
		if _, _, err := parseCommand(nil, []byte(respEcho[:n])); !errors.Is(err, io.ErrShortBuffer) {
			t.Errorf("%q: %v", respEcho[:n], err)
		}
	}
	args, rest, err := parseCommand(nil, []byte(respEcho+"*1"))
	if err != nil || len(args) != 2 || string(args[0]) != "ECHO" || string(args[1]) != "hello" || string(rest) != "*1" {
		t.Errorf("%q, rest %q, error %v", args, rest, err)
	}
	if got := string(appendAnswer(nil, args)); got != "$5\r\nhello\r\n" {
		t.Errorf("answer %q", got)
	}
	for _, bad := range []string{"ECHO", "*x\r\n", "*1\r\n+OK\r\n", "*99999999999999999999\r\n"} {
		if _, _, err := parseCommand(nil, []byte(bad)); !errors.Is(err, errRESP) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add([]byte(respEcho))
	f.Add([]byte("*0\r\n"))
	f.Add([]byte("*2\r\n$16777216\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		args, rest, err := parseCommand(nil, b)
		if err == nil && len(rest) >= len(b) {
			t.Fatalf("%q: no progress", b)
		}
		if err == nil {
			appendAnswer(nil, args)
		}
	})
}
