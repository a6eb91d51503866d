package resp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
	"github.com/muxkit/muxkit/transport/resp"
)

// asPeer answers as a server does: what it is told, each body is an ECHO.
var asPeer = []protocoltest.Option{
	protocoltest.Method("ECHO"),
	protocoltest.Bodies(echo("one"), echo("two"), echo("three"), echo(strings.Repeat("x", 20<<10))),
	protocoltest.LargeBody(func(n int) []byte { return echo(strings.Repeat("y", n)) }),
	protocoltest.Answer(func(dst []byte, _ uint32, body []byte) []byte {
		_, said, _ := bytes.Cut(body, []byte("ECHO\r\n"))
		return append(dst, said...)
	}),
	protocoltest.ErrorAnswer(func(dst []byte, _ uint32) []byte { return append(dst, "-LOADING Redis is loading\r\n"...) }),
	protocoltest.PeerHandshake(func(nc net.Conn) error {
		b := make([]byte, len("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"))
		if _, err := io.ReadFull(nc, b); err != nil {
			return err
		}
		_, err := nc.Write([]byte("%1\r\n+proto\r\n:3\r\n"))
		return err
	}),
	protocoltest.Garbage([]byte("HTTP/1.1 400 Bad\r\n"), []byte("$x\r\n"), []byte("*1000000000\r\n"), []byte("$5\r\nabcdefg"), []byte("\r\n"), []byte("+a\rb\r\n"),
		bytes.Repeat([]byte("*1\r\n"), 40), []byte("$?\r\n"), []byte("$99999999999\r\n"), []byte(":"+strings.Repeat("1", 100))),
}

func echo(s string) []byte { return resp.Cmd("ECHO", s).AppendTo(nil) }

func TestConformance(t *testing.T) { protocoltest.Run(t, resp.Protocol{}, asPeer...) }

func FuzzFrames(f *testing.F)   { protocoltest.FuzzFrames(f, resp.Protocol{}, asPeer...) }
func FuzzMessages(f *testing.F) { protocoltest.FuzzMessages(f, resp.Protocol{}, asPeer...) }

// replies are one of each kind, from the specification.
var replies = []struct {
	wire string
	want resp.Value
}{
	{"+OK\r\n", resp.Value{Kind: resp.KindString, Text: []byte("OK")}},
	{":-42\r\n", resp.Value{Kind: resp.KindInt, Int: -42}},
	{"$5\r\nhello\r\n", resp.Value{Kind: resp.KindString, Text: []byte("hello")}},
	{"$0\r\n\r\n", resp.Value{Kind: resp.KindString, Text: []byte{}}},
	{"$9\r\n123456789\r\n", resp.Value{Kind: resp.KindString, Text: []byte("123456789")}},
	{"$4\r\n\r\n\r\n\r\n", resp.Value{Kind: resp.KindString, Text: []byte("\r\n\r\n")}},
	{"$-1\r\n", resp.Value{}},
	{"*-1\r\n", resp.Value{}},
	{"_\r\n", resp.Value{}},
	{"#t\r\n", resp.Value{Kind: resp.KindBool, Int: 1}},
	{"#f\r\n", resp.Value{Kind: resp.KindBool}},
	{",1.25\r\n", resp.Value{Kind: resp.KindDouble, Float: 1.25}},
	{",-inf\r\n", resp.Value{Kind: resp.KindDouble, Float: math.Inf(-1)}},
	{"(3492890328409238509324850943850943825024385\r\n", resp.Value{Kind: resp.KindBigNumber, Text: []byte("3492890328409238509324850943850943825024385")}},
	{"=15\r\ntxt:Some string\r\n", resp.Value{Kind: resp.KindVerbatim, Format: "txt", Text: []byte("Some string")}},
	{"=4\r\ntxt:\r\n", resp.Value{Kind: resp.KindVerbatim, Format: "txt", Text: []byte{}}},
	{"*0\r\n", resp.Value{Kind: resp.KindArray, Elems: []resp.Value{}}},
	{"*3\r\n:1\r\n$-1\r\n*1\r\n+x\r\n", resp.Value{Kind: resp.KindArray, Elems: []resp.Value{{Kind: resp.KindInt, Int: 1}, {},
		{Kind: resp.KindArray, Elems: []resp.Value{{Kind: resp.KindString, Text: []byte("x")}}}}}},
	{"*2\r\n_\r\n_\r\n", resp.Value{Kind: resp.KindArray, Elems: []resp.Value{{}, {}}}},
	{"%1\r\n+k\r\n:2\r\n", resp.Value{Kind: resp.KindMap, Elems: []resp.Value{{Kind: resp.KindString, Text: []byte("k")}, {Kind: resp.KindInt, Int: 2}}}},
	{"~1\r\n+m\r\n", resp.Value{Kind: resp.KindSet, Elems: []resp.Value{{Kind: resp.KindString, Text: []byte("m")}}}},
	{">1\r\n+p\r\n", resp.Value{Kind: resp.KindPush, Elems: []resp.Value{{Kind: resp.KindString, Text: []byte("p")}}}},
	{"*1\r\n-ERR no\r\n", resp.Value{Kind: resp.KindArray, Elems: []resp.Value{{Kind: resp.KindError, Text: []byte("ERR no")}}}},
	{"|1\r\n+ttl\r\n:3600\r\n$2\r\nhi\r\n", resp.Value{Kind: resp.KindString, Text: []byte("hi")}},
}

func TestReplies(t *testing.T) {
	for _, r := range replies {
		for _, src := range []io.Reader{wire.NewReader(strings.NewReader(r.wire+"+next\r\n"), 1<<20), strings.NewReader(r.wire + "+next\r\n")} {
			id, frame, err := resp.Protocol{}.Parse(src)
			if err != nil || id != 0 || string(frame) != r.wire {
				t.Errorf("of %q Parse cut %q, %d, %v", r.wire, frame, id, err)
				continue
			}
			got, err := resp.Parse(frame)
			if err != nil || !reflect.DeepEqual(got, r.want) {
				t.Errorf("%q is %+v, %v, want %+v", r.wire, got, err, r.want)
			}
			var m transport.Message
			if err := (resp.Protocol{}).ParseResponse(frame, &m); err != nil || string(m.Body) != r.wire {
				t.Errorf("of %q the body is %q, %v", r.wire, m.Body, err)
			}
		}
	}
}

// TestBadReplies: what no reply is ends its connection or fails its call, and says why.
func TestBadReplies(t *testing.T) {
	deep := strings.Repeat("*1\r\n", 31) + ":1\r\n"
	if _, _, err := (resp.Protocol{}).Parse(strings.NewReader(deep)); err != nil {
		t.Error("31 arrays in each other:", err)
	}
	if _, err := resp.Parse([]byte(deep)); err != nil {
		t.Error("31 arrays in each other, as a Value:", err)
	}
	for in, want := range map[string]string{
		"*1\r\n" + deep:                   "31 aggregates",
		"*1048576\r\n":                    "unexpected EOF",
		"*1048577\r\n":                    "1048576 elements",
		"%600000\r\n":                     "1048576 elements",
		"*2\r\n*600000\r\n":               "EOF",
		"$2\r\nabc\r\n":                   "does not end",
		"*1\r\n$2\r\nabc\r\n":             "does not end",
		"*?\r\n":                          "streamed",
		"SSH-2.0-x\r\n":                   "something else",
		"$4294967296\r\n":                 "too large",
		"$-2\r\n":                         "no length",
		"$\r\n":                           "no length",
		"$1/\r\n":                         "no length",
		"$1:\r\n":                         "no length",
		"$99999999999\r\n":                "no length",
		"$0\r\nab":                        "does not end",
		"+\ra\r\n":                        "a carriage return in it",
		"!-1\r\n":                         "no length",
		"=-1\r\n":                         "no length",
		"+":                               "unexpected EOF",
		"+" + strings.Repeat("x", 65<<10): "65536 bytes",
		"*1\r\n:1":                        "unexpected EOF",
		"*1\r\n?x\r\n":                    "something else",
		"*2\r\n:1\r\n$x\r\n":              "no length",
		"\n":                              "no line of a reply",
	} {
		_, _, err := resp.Protocol{}.Parse(wire.NewReader(strings.NewReader(in), 1<<20))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", in, err, want)
		}
	}
	for in, want := range map[string]string{
		":x\r\n": "no number", ",x\r\n": "no number", "#x\r\n": "neither true nor false", "_x\r\n": "a null that is", "=2\r\nab\r\n": "no verbatim text",
		"!-1\r\n": "no length", "+a\r\n+b\r\n": "4 bytes behind", "+a\r\nb": "1 bytes behind", "=4\r\nabcd\r\n": "no verbatim text", "": "first line", "+a": "first line", "$2\r\nab": "does not end", "$2\r\nabcd": "does not end",
		"*2\r\n:1\r\n": "2 elements in 4 bytes", "*1048576\r\n": "1048576 elements in 0 bytes", "*1\r\n" + deep: "31 aggregates",
	} {
		if v, err := resp.Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q is %+v, %v, want %q", in, v, err, want)
		}
	}
}

// TestHowLongALineMayBe: 64 KiB for a text or a number of any length, 32 bytes for an int or a length,
// with kind and end; to the byte, however it comes, and by itself.
func TestHowLongALineMayBe(t *testing.T) {
	line := func(kind, filler string, n int) string {
		return kind + strings.Repeat(filler, n-len(kind)-len("\r\n")) + "\r\n"
	}
	for _, row := range []struct {
		kind, filler string
		most         int
	}{{"+", "x", 64 << 10}, {"-", "x", 64 << 10}, {"(", "1", 64 << 10}, {",", "0", 64 << 10}, {":", "0", 32}} {
		for n, long := range map[int]bool{row.most: false, row.most + 1: true} {
			text := line(row.kind, row.filler, n)
			for _, src := range []io.Reader{wire.NewReader(strings.NewReader(text), 1<<20), strings.NewReader(text)} {
				_, frame, err := resp.Protocol{}.Parse(src)
				if long && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("more than %d bytes", row.most))) || !long && (err != nil || string(frame) != text) {
					t.Errorf("%s of %d bytes: %d bytes, %v", row.kind, n, len(frame), err)
				}
			}
			if _, err := resp.Parse([]byte(text)); (err != nil) != long {
				t.Errorf("%s of %d bytes by itself: %v", row.kind, n, err)
			}
		}
	}
}

// TestOneCommand: what is sent is exactly one command: half of one, or two, would shift every
// answer behind it.
func TestOneCommand(t *testing.T) {
	get := string(resp.Cmd("GET", "k").AppendTo(nil))
	for _, body := range []string{"", "GET k\r\n", get + get, get[:len(get)-2], get + "\r\n", get + "x", "*0\r\n", "*-1\r\n", "*2\r\n$3\r\nGET\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n",
		"*1\r\n$0\r\n\r\n", "*1\r\n$9999999999\r\nGET\r\n", "*1\r\n$3\r\nGETxx", "*1\r\n$3\r\nGET\rx", "*1\r\n$3\r\nGETx\n", "*11\n$3\r\nGET\r\n", "+1\r\n$3\r\nGET\r\n", "*1000000\r\n$3\r\nGET\r\n"} {
		_, err := resp.Protocol{}.AppendRequest(nil, 0, &transport.Message{Body: []byte(body)})
		var e *transport.Error
		if !errors.As(err, &e) || e.Code != transport.CodeInvalidArgument {
			t.Errorf("%q: %v", body, err)
		}
	}
	c := resp.Cmd("SET").Arg("k", "").Bytes([]byte{0, '\r', '\n'}).Int(-42).Float(0.1)
	one, other := c.Arg("one"), c.Arg("other")
	want := "*6\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n$3\r\n\x00\r\n\r\n$3\r\n-42\r\n$3\r\n0.1\r\n"
	if got := string(c.AppendTo(nil)); got != want {
		t.Errorf("got %q", got)
	}
	if a, b := string(one.AppendTo(nil)), string(other.AppendTo(nil)); !strings.HasSuffix(a, "one\r\n") || !strings.HasSuffix(b, "other\r\n") {
		t.Errorf("%q and %q", a, b)
	}
}

// TestCommandsDoNotShareWords: what is made of one command, by many at once perhaps, does not
// become what another one is.
func TestCommandsDoNotShareWords(t *testing.T) {
	for _, c := range []resp.Command{resp.Cmd("GET"), resp.Cmd("GET").Arg("k"), resp.Cmd("GET").Bytes([]byte("k")), resp.Cmd("GET").Int(1), resp.Cmd("GET", "a", "b")} {
		for name, with := range map[string]func(word string) resp.Command{
			"Arg":   func(word string) resp.Command { return c.Arg(word) },
			"Bytes": func(word string) resp.Command { return c.Bytes([]byte(word)) },
		} {
			one := with("1")
			want := string(one.AppendTo(nil))
			other := with("2")
			if got := string(one.AppendTo(nil)); got != want || string(other.AppendTo(nil)) == want {
				t.Errorf("%s: %q became %q", name, want, got)
			}
		}
	}
}

// TestRefused: commands that may not travel on a shared connection, with an error that names
// them.
func TestRefused(t *testing.T) {
	for _, row := range []struct {
		command resp.Command
		named   string // "": it may
	}{
		{resp.Cmd("subscribe", "c"), "SUBSCRIBE is refused: it is not answered by one reply"},
		{resp.Cmd("MONITOR"), "MONITOR"},
		{resp.Cmd("Multi"), "MULTI is refused: it changes what its connection does"},
		{resp.Cmd("SELECT", "1"), "SELECT is refused: the handshake"},
		{resp.Cmd("client", "reply", "off"), "CLIENT REPLY"},
		{resp.Cmd("CLIENT", "TRACKING", "on"), "CLIENT TRACKING"},
		{resp.Cmd("blpop", "k", "0"), "BLPOP is refused: it waits"},
		{resp.Cmd("bzpopmax", "k", "0"), "BZPOPMAX is refused: it waits"},
		{resp.Cmd("XREAD", "COUNT", "1", "block", "0", "STREAMS", "s", "$"), "XREAD is refused"},
		{resp.Cmd("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"), "XREADGROUP"},
		{resp.Cmd("XREADGROUP", "GROUP", "streams", "c", "BLOCK", "0", "STREAMS", "s", ">"), "XREADGROUP"},
		{resp.Cmd("XREADGROUP", "GROUP", "g", "streams", "BLOCK", "0", "STREAMS", "s", ">"), "XREADGROUP"},
		{resp.Cmd("XREADGROUP", "GROUP", "block", "block", "STREAMS", "s", ">"), ""},
		{resp.Cmd("XREAD", "STREAMS", "block", "0"), ""},
		{resp.Cmd("XREAD", "COUNT", "1"), ""}, // which the server refuses
		{resp.Cmd("XADD", "s", "*", "block", "0"), ""},
		{resp.Cmd("CLIENT", "ID"), ""},
		{resp.Cmd("GET", "MULTI"), ""},
		{resp.Cmd("EVAL", "return 1", "0"), ""},
		{resp.Cmd("A.MODULE.WITH.A.LONG.NAME", "x"), ""},
		{resp.Cmd("A.MODULE.WITH.A.LONG.NAME"), ""},
	} {
		_, err := resp.Protocol{}.AppendRequest(nil, 0, &transport.Message{Body: row.command.AppendTo(nil)})
		if row.named == "" && err != nil || row.named != "" && (err == nil || !strings.Contains(err.Error(), row.named)) {
			t.Errorf("want %q, got %v", row.named, err)
		}
		blocking := resp.Protocol{Blocking: true}
		if _, err := blocking.AppendRequest(nil, 0, &transport.Message{Body: row.command.AppendTo(nil)}); (err == nil) != (row.named == "" || strings.HasPrefix(row.named, "BLPOP") || strings.HasPrefix(row.named, "BZPOP") || strings.HasPrefix(row.named, "XREAD")) {
			t.Errorf("blocking: %v", err)
		}
	}
}

// TestErrors: whose fault an error of Redis's is, and whether the call was run.
func TestErrors(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"ERR unknown command 'FOO', with args beginning with: ", "unimplemented: nobody, refused, elsewhere true"},
		{"ERR wrong number of arguments for 'get' command", "invalid argument: caller, refused, elsewhere false"},
		{"ERR value is not an integer or out of range", "invalid argument: caller, maybe ran, elsewhere false"},
		{"ERR max number of clients reached", "resource exhausted: overload, refused, elsewhere true"},
		{"WRONGTYPE Operation against a key", "failed precondition: caller, maybe ran, elsewhere false"},
		{"MOVED 3999 127.0.0.1:6381", "failed precondition: caller, refused, elsewhere false"},
		{"LOADING Redis is loading the dataset in memory", "unavailable: overload, refused, elsewhere true"},
		{"BUSY Redis is busy running a script.", "unavailable: overload, refused, elsewhere true"},
		{"READONLY You can't write against a read only replica.", "unavailable: overload, refused, elsewhere true"},
		{"NOAUTH Authentication required.", "unauthenticated: caller, refused, elsewhere false"},
		{"NOPERM this user has no permissions", "permission denied: caller, refused, elsewhere false"},
		{"OOM command not allowed", "resource exhausted: overload, refused, elsewhere true"},
		{"NOSCRIPT No matching script.", "not found: caller, refused, elsewhere false"},
		{"MYERR of a script", "business: caller, ran, elsewhere false"},
	} {
		var e *transport.Error
		err := resp.Protocol{}.ParseResponse([]byte("-"+row.text+"\r\n"), &transport.Message{})
		if !errors.As(err, &e) || e.Message != row.text {
			t.Errorf("%s: %v", row.text, err)
			continue
		}
		e.Remote = true // as a Client notes
		if got := fmt.Sprintf("%v, elsewhere %v", e.Verdict(), e.Verdict().Elsewhere(false)); got != row.want {
			t.Errorf("%s: %s, want %s", row.text, got, row.want)
		}
	}
	var e *transport.Error
	for _, text := range []string{"!21\r\nSYNTAX invalid syntax\r\n", "|1\r\n+ttl\r\n:1\r\n-SYNTAX invalid syntax\r\n"} {
		if err := (resp.Protocol{}).ParseResponse([]byte(text), &transport.Message{}); !errors.As(err, &e) || e.Code != transport.CodeInvalidArgument {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := (resp.Protocol{}).ParseResponse([]byte("-ERR"), &transport.Message{}); err == nil || errors.As(err, &e) {
		t.Errorf("of an error without its end: %v", err)
	}
}

// FuzzValues: of any bytes Parse makes a Value or an error, whether or not they came in one
// piece, and what was cut is read whole.
func FuzzValues(f *testing.F) {
	for _, r := range replies {
		f.Add([]byte(r.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := resp.Parse(b)
		_, frame, cutErr := resp.Protocol{}.Parse(wire.NewReader(bytes.NewReader(b), 1<<20))
		if err == nil && (cutErr != nil || !bytes.Equal(frame, b)) {
			t.Fatalf("%q is %+v, and is cut as %q, %v", b, v, frame, cutErr)
		}
		_ = fmt.Sprint(v, v.Err(), v.IsNull())
		var m transport.Message
		_ = resp.Protocol{}.ParseResponse(b, &m)
		m.Body = b
		_, _ = resp.DecodeValue(context.Background(), &m)
		_, _ = resp.Protocol{}.AppendRequest(nil, 0, &transport.Message{Body: b})
		if kind := (resp.Protocol{}).ClassifyFrame(0, b); kind != muxpool.FrameLast && kind != muxpool.FrameUnsolicited {
			t.Fatalf("kind %d", kind)
		}
	})
}

// A request that is no Command is refused before anything is sent.
func TestRequestsThatAreNoCommands(t *testing.T) {
	var m transport.Message
	for _, request := range []any{nil, "PING", []byte("PING"), new(resp.Command)} {
		if err := resp.EncodeCommand(t.Context(), &m, request); err == nil || m.Body != nil {
			t.Errorf("%T: %v, %q", request, err, m.Body)
		}
	}
	long := strings.Repeat("x", 1000)
	for _, args := range [][]string{nil, {long}} {
		c := resp.Cmd("PING", args...)
		if err := resp.EncodeCommand(t.Context(), &m, c); err != nil || string(m.Body) != string(c.AppendTo(nil)) {
			t.Errorf("%v, %.50q", err, m.Body)
		}
	}
	if one, other := resp.Cmd("PING").Bytes([]byte(long)), resp.Cmd("PING").Arg(long); string(one.AppendTo(nil)) != string(other.AppendTo(nil)) {
		t.Errorf("%.50q and %.50q", one.AppendTo(nil), other.AppendTo(nil))
	}
}

// A decoded reply is its receiver's: of a small one nothing lies in the memory of the frame.
func TestDecodedRepliesAreTheReceivers(t *testing.T) {
	for _, n := range []int{0, 1, 4 << 10} {
		said := strings.Repeat("x", n)
		m := transport.Message{Body: []byte("+" + said + "\r\n")}
		v, err := resp.DecodeValue(t.Context(), &m)
		if err != nil {
			t.Fatal(err)
		}
		if n < 4<<10 {
			clear(m.Body)
		}
		if got := v.(resp.Value).String(); got != said {
			t.Errorf("of %d bytes: %.20q", n, got)
		}
	}
	if v, err := resp.DecodeValue(t.Context(), &transport.Message{Body: []byte("no reply")}); err == nil {
		t.Errorf("of what is no reply: %v", v)
	}
}
