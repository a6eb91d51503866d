package resp_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/resp"
)

// greet has p greet a server that hears so many bytes, and then says what it says and goes away.
func greet(t *testing.T, p resp.Protocol, bytes int, says string) (heard string, err error) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	_ = ours.SetDeadline(time.Now().Add(20 * time.Second))
	told := make(chan string, 1)
	go func() {
		defer theirs.Close()
		b := make([]byte, bytes)
		n, _ := io.ReadFull(theirs, b)
		told <- string(b[:n])
		_, _ = theirs.Write([]byte(says))
	}()
	err = p.Handshake(t.Context(), ours)
	ours.Close()
	return bounded.Receive(t, told), err
}

// commands are some as they are sent.
func commands(lines ...string) string {
	var b []byte
	for _, line := range lines {
		words := strings.Fields(line)
		b = resp.Cmd(words[0], words[1:]...).AppendTo(b)
	}
	return string(b)
}

// TestGreetings: what each field of a Protocol has said on a new connection, and in which order.
func TestGreetings(t *testing.T) {
	for name, row := range map[string]struct {
		p    resp.Protocol
		want []string
	}{
		"nothing":                    {resp.Protocol{}, []string{"HELLO 3"}},
		"version 3":                  {resp.Protocol{Version: 3}, []string{"HELLO 3"}},
		"version 2":                  {resp.Protocol{Version: 2}, []string{"PING"}},
		"a password":                 {resp.Protocol{Password: "pw"}, []string{"HELLO 3 AUTH default pw"}},
		"a user":                     {resp.Protocol{Username: "me", Password: "pw"}, []string{"HELLO 3 AUTH me pw"}},
		"a user without a password":  {resp.Protocol{Username: "me"}, []string{"HELLO 3"}},
		"a password, 2":              {resp.Protocol{Version: 2, Password: "pw"}, []string{"AUTH pw"}},
		"a user, 2":                  {resp.Protocol{Version: 2, Username: "me", Password: "pw"}, []string{"AUTH me pw"}},
		"a user without password, 2": {resp.Protocol{Version: 2, Username: "me"}, []string{"PING"}},
		"a database":                 {resp.Protocol{DB: 1}, []string{"HELLO 3", "SELECT 1"}},
		"a database, 2":              {resp.Protocol{Version: 2, DB: 1}, []string{"SELECT 1"}},
		"a name":                     {resp.Protocol{ClientName: "here"}, []string{"HELLO 3", "CLIENT SETNAME here"}},
		"tracking":                   {resp.Protocol{Tracking: true}, []string{"HELLO 3", "CLIENT TRACKING ON BCAST"}},
		"everything": {resp.Protocol{Username: "me", Password: "pw", DB: 15, ClientName: "here", Tracking: true},
			[]string{"HELLO 3 AUTH me pw", "SELECT 15", "CLIENT SETNAME here", "CLIENT TRACKING ON BCAST"}},
	} {
		want := commands(row.want...)
		heard, err := greet(t, row.p, len(want), ">1\r\n+push\r\n"+strings.Repeat("+OK\r\n", len(row.want)))
		if err != nil || heard != want {
			t.Errorf("%s: it says %q, %v, want %q", name, heard, err, want)
		}
	}
	for name, p := range map[string]resp.Protocol{"Tracking needs version 3": {Version: 2, Tracking: true}, "no version 1": {Version: 1}, "no version 4": {Version: 4}} {
		heard, err := greet(t, p, 1, "")
		if !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), name) || verdict.Of(err).Whose != verdict.Caller || heard != "" {
			t.Errorf("%s: it says %q, %v, %v", name, heard, err, verdict.Of(err))
		}
	}
}

// TestRefusedGreetings: the first answer that is an error ends the greeting. The error names the command, and
// not its arguments, which may be secrets; it is the caller's if it is about who he is.
func TestRefusedGreetings(t *testing.T) {
	const hint = " (a server before Redis 6 wants Protocol{Version: 2})"
	three := resp.Protocol{Password: "pw", DB: 1, ClientName: "here"}
	two := three
	two.Version = 2
	sends := map[int][]string{0: {"HELLO 3 AUTH default pw", "SELECT 1", "CLIENT SETNAME here"}, 2: {"AUTH pw", "SELECT 1", "CLIENT SETNAME here"}}
	for name, row := range map[string]struct {
		p      resp.Protocol
		says   string
		want   string
		caller bool
	}{
		"the first":            {three, "-LOADING Redis is loading\r\n", "resp: HELLO was answered: LOADING Redis is loading", false},
		"behind a push":        {three, ">1\r\n+push\r\n-LOADING Redis is loading\r\n", "resp: HELLO was answered: LOADING Redis is loading", false},
		"the second":           {three, "%0\r\n-ERR DB index is out of range\r\n", "resp: SELECT was answered: ERR DB index is out of range", false},
		"the last":             {three, "%0\r\n+OK\r\n-ERR no\r\n", "resp: CLIENT was answered: ERR no", false},
		"a wrong password":     {three, "-WRONGPASS invalid\r\n", "resp: HELLO was answered: WRONGPASS invalid", true},
		"a wrong password, 2":  {two, "-WRONGPASS invalid\r\n", "resp: AUTH was answered: WRONGPASS invalid", true},
		"no permission":        {two, "+OK\r\n-NOPERM no\r\n", "resp: SELECT was answered: NOPERM no", true},
		"an old server":        {three, "-ERR unknown command 'HELLO'\r\n", "resp: HELLO was answered: ERR unknown command 'HELLO'" + hint, false},
		"an old server, 2":     {two, "-ERR unknown command 'AUTH'\r\n", "resp: AUTH was answered: ERR unknown command 'AUTH'", false},
		"an end":               {three, "%0\r\n+O", "resp: the answer to SELECT: unexpected EOF", false},
		"no reply":             {three, "SSH-2.0\r\n", `resp: the answer to HELLO: resp: a reply that begins with "S": the peer speaks something else`, false},
		"a reply of no number": {three, ":x\r\n", `resp: "x" is no number`, false},
	} {
		_, err := greet(t, row.p, len(commands(sends[row.p.Version]...)), row.says)
		if err == nil || err.Error() != row.want || (verdict.Of(err).Whose == verdict.Caller) != row.caller {
			t.Errorf("%s: %v, %v\nwant %s, the caller's %v", name, err, verdict.Of(err), row.want, row.caller)
		}
	}
}

// A greeting that cannot be sent is an error, and so is one to which nothing is said.
func TestGreetingsOfNobody(t *testing.T) {
	ours, theirs := net.Pipe()
	theirs.Close()
	defer ours.Close()
	if err := (resp.Protocol{}).Handshake(t.Context(), ours); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("to nobody: %v", err)
	}
	if _, err := greet(t, resp.Protocol{}, len(commands("HELLO 3")), ""); err == nil || !strings.HasPrefix(err.Error(), "resp: the answer to HELLO: ") {
		t.Errorf("without an answer: %v", err)
	}
}
