package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
	"github.com/muxkit/muxkit/transport/ttheader"
)

func TestCallsOfEachProtocol(t *testing.T) {
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, []byte(`{"from":"file"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		name    string
		serve   transport.ServerProtocol
		carries bool // metadata and deadlines
	}{
		{"native", native.Protocol{}, true},
		{"trpc", trpc.Protocol{}, true},
		{"jsonrpc", jsonrpc.Protocol{}, false},
		{"jsonrpc1", jsonrpc.Protocol{}, false},
	} {
		t.Run(p.name, func(t *testing.T) {
			n := serve(t, p.serve)
			call := func(stdin string, args ...string) ran {
				t.Helper()
				at := slices.Index(args, "@")
				args = slices.Replace(slices.Clone(args), at, at+1, n.address)
				return command(t, stdin, append([]string{"-protocol", p.name, "-timeout=1h"}, args...)...)
			}
			call("", "@", "Echo", `{ "a": [1, 2] }`).check(t, exitOK, `{"a":[1,2]}`+"\n")
			call("", "@", "Echo").check(t, exitOK, "{}\n")
			call("", "@", "Echo", "@"+file).check(t, exitOK, `{"from":"file"}`+"\n")
			call(`{"from":"stdin"}`, "@", "Echo", "-").check(t, exitOK, `{"from":"stdin"}`+"\n")
			call("", "-raw", "@", "Echo", `{ "x": 1 }`).check(t, exitOK, `{ "x": 1 }`)
			call("", "@", "Refuse").check(t, exitRefused, "", "no such user", `\x1b[31m`)
			call("", "@", "Abs\x1bent").check(t, exitRefused, "", `Abs\x1bent`)
			call("", "@", "Absent").check(t, exitRefused, "", "Absent on tcp://"+n.address+": unimplemented (", "code    unimplemented")
			call("", "-oneway", "@", "Note", `{"one":"way"}`).check(t, exitOK, "")
			if got := bounded.Receive(t, n.noted); got != `{"one":"way"}` {
				t.Errorf("the one-way call brought %q", got)
			}
			if !p.carries {
				call("", "-H", "tenant=blue", "@", "Meta").check(t, exitUsage, "", "-H: JSON-RPC carries no metadata")
				return
			}
			call("", "-H", "tenant=bl=ue", "-H", "other=1", "@", "Meta").check(t, exitOK, "\"bl=ue\"\n")
			call("", "@", "Left").check(t, exitOK, "true\n")
			call("", "-timeout=0", "@", "Left").check(t, exitOK, "false\n")
			call("", "-v", "@", "Echo").check(t, exitOK, "{}\n", `metadata who="node\x1b"`)
			call("", "@", "Late").check(t, exitTimeout, "", "deadline exceeded")
		})
	}
}

func TestRawBytes(t *testing.T) {
	for name, p := range map[string]transport.ServerProtocol{"native": native.Protocol{}, "trpc": trpc.Protocol{}} {
		n := serve(t, p)
		r := command(t, "", "-protocol", name, "-raw", n.address, "Echo", "\x00\xff\n")
		r.check(t, exitOK, "\x00\xff\n")
		command(t, "", "-protocol", name, "-raw", n.address, "Empty").check(t, exitOK, "")
		if name == "trpc" {
			command(t, "", "-protocol", name, n.address, "Type").check(t, exitOK, "2\n")       // JSON
			command(t, "", "-protocol", name, "-raw", n.address, "Type").check(t, exitOK, "0") // protobuf
		}
	}
}

// Thrift's bodies are structs, as bytes; no BODY is the struct without fields.
func TestThrift(t *testing.T) {
	n := serve(t, ttheader.Protocol{})
	for _, name := range []string{"ttheader", "thrift"} {
		call := func(args ...string) ran {
			t.Helper()
			return command(t, "", append([]string{"-protocol", name, "-raw"}, args...)...)
		}
		call(n.address, "Echo", "\x02\x00\x01\x01\x00").check(t, exitOK, "\x02\x00\x01\x01\x00")
		call(n.address, "Echo").check(t, exitOK, "\x00")
		call(n.address, "Refuse").check(t, exitRefused, "", "no such user", "status  7", "code    business")
		call(n.address, "Absent").check(t, exitRefused, "", ": unimplemented (", "unknown method Absent", "in the service's .thrift file")
		call("-oneway", n.address, "Note", "\x00").check(t, exitOK, "")
		if got := bounded.Receive(t, n.noted); got != "\x00" {
			t.Errorf("the one-way call brought %q", got)
		}
	}
	command(t, "", "-protocol=ttheader", "-raw", "-H", "tenant=blue", n.address, "Meta").check(t, exitOK, `"blue"`)
}

func TestWhoseFaultAndWhetherSent(t *testing.T) {
	n := serve(t, native.Protocol{})
	command(t, "", n.address, "Refuse").check(t, exitRefused, "",
		"node    tcp://"+n.address, "method  Refuse", "status  7", "code    business", "fault   the caller's", "sent    yes, and it was run", `body    "\"more\u202e\""`)
	command(t, "", n.address, "Break").check(t, exitRefused, "", "fault   the method's")
	command(t, "", n.address, "Echo"+strings.Repeat("o", 1<<16)).check(t, exitUsage, "", "fault   the caller's", "sent    no:")
	gone := peertest.Nobody(t)
	command(t, "", gone, "Echo").check(t, exitUnsent, "", "node    tcp://"+gone, "fault   of the way to the node", "sent    no:")
	lost, _ := hangsUp(t, "Echo")
	command(t, "", lost, "Echo").check(t, exitUnknown, "", "fault   of the way to the node", "whether it was run is not known")
	command(t, "", n.address, "Bytes").check(t, exitUnknown, "", "the answer of 5 bytes is no JSON", `\x1b[2J\n`, "code    bad response")
}

// hangsUp returns the address of a peer that ends each connection when it has read a call
// of method, and tells of it.
func hangsUp(t *testing.T, method string) (address string, hungUp <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			var got []byte
			for buf := make([]byte, 1<<10); !bytes.Contains(got, []byte(method)); {
				k, err := nc.Read(buf)
				if err != nil {
					break
				}
				got = append(got, buf[:k]...)
			}
			nc.Close()
			select {
			case told <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		bounded.Receive(t, ended)
	})
	return l.Addr().String(), told
}

// What a service says may be made for the terminal of who reads it.
func TestHostileAnswers(t *testing.T) {
	n := serve(t, native.Protocol{})
	command(t, "", n.address, "Evil").check(t, exitOK, `{"a":"\u202e\u009b\u007f\ufffd😀\udb40\udc01"}`+"\n")
	var out bytes.Buffer
	s := streams{in: strings.NewReader(""), out: &out, err: &out, terminal: true}
	if code := run(t.Context(), []string{"-raw", n.address, "Bytes"}, s); code != exitOK || out.String() != `"\x1b[2J\n"`+"\n" {
		t.Errorf("exit code %d, and the terminal got %q", code, out.String())
	}
}

func TestRepeat(t *testing.T) {
	n := serve(t, native.Protocol{})
	r := command(t, "", "-n=20", "-c=4", "-conns=2", n.address, "Echo", `1`)
	r.check(t, exitOK, strings.Repeat("1\n", 20), "20 calls in", "20 answered, 0 failed", "answered  p50")
	if got := n.calls.Load(); got != 20 {
		t.Errorf("the node got %d calls", got)
	}
	r = command(t, "", "-n=3", n.address, "Refuse")
	r.check(t, exitRefused, "", "0 answered, 3 failed", "3 failed as business: caller, ran; the first: ", `\x1b[31m`)
}

func TestAnswersThatNobodyTakes(t *testing.T) {
	n := serve(t, native.Protocol{})
	for _, args := range [][]string{{n.address, "Echo"}, {"-n=1000", "-c=2", n.address, "Echo"}} {
		var errs bytes.Buffer
		if code := run(t.Context(), args, streams{out: full{}, err: &errs}); code != exitUnknown || !strings.Contains(errs.String(), "stdout: it is full") {
			t.Errorf("%v: exit code %d, and it said %s", args, code, errs.String())
		}
	}
	if got := n.calls.Load(); got > 5 { // one, then one each of two callers, and of each the one that it had begun
		t.Errorf("%d calls were made all the same", got)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("it is full") }

func TestInterrupted(t *testing.T) {
	n := serve(t, native.Protocol{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{n.address, "Echo"}, {"-n=5", n.address, "Echo"},
		{"-rate=10", "-duration=1h", n.address, "Echo"}, {"health", n.address}, {"health", "-watch", n.address}} {
		var out, errs bytes.Buffer
		if code := run(ctx, args, streams{out: &out, err: &errs}); code != exitInterrupted {
			t.Errorf("%v: exit code %d; it said %s", args, code, errs.String())
		}
	}
}
