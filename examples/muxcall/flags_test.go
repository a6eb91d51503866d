package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLinesThatMakeNoSense(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(t.TempDir(), "huge")
	if err := errors.Join(os.WriteFile(huge, nil, 0o600), os.Truncate(huge, 1<<40)); err != nil {
		t.Fatal(err)
	}
	const a, m = "127.0.0.1:1", "Echo"
	for _, c := range []struct {
		says string
		args []string
	}{
		{"ADDRESS METHOD [BODY] is wanted, there are 0", nil},
		{"there are 1 of them", []string{a}},
		{`"-v" is one too many`, []string{a, m, "{}", "-v"}},
		{"-nonsense", []string{"-nonsense", a, m}},
		{`\x1b[31m`, []string{"-\x1b[31m", a, m}},
		{"flag -n: parse error", []string{"-n=x", a, m}},
		{"-n=0 is under 1", []string{"-n=0", a, m}},
		{"-c=0 is not within", []string{"-c=0", a, m}},
		{"-conns=65 is not within", []string{"-conns=65", a, m}},
		{"-n and -rate exclude each other", []string{"-n=2", "-rate=1", "-duration=1s", a, m}},
		{"-rate needs -duration", []string{"-rate=1", a, m}},
		{"-v is for one call", []string{"-v", "-n=2", a, m}},
		{"-duration needs -rate", []string{"-duration=1s", a, m}},
		{"-rate=0 is not within", []string{"-rate=0", "-duration=1s", a, m}},
		{"-duration=-1s is not over 0", []string{"-rate=1", "-duration=-1s", a, m}},
		{"is over 100000000 calls", []string{"-rate=1000000", "-duration=101s", a, m}},
		{"-timeout=0: each call of a load", []string{"-timeout=0", "-rate=1", "-duration=1s", a, m}},
		{"-timeout=-1s is negative", []string{"-timeout=-1s", a, m}},
		{`-protocol="grpc" is none of`, []string{"-protocol=grpc", a, m}},
		{"METHOD is empty", []string{a, ""}},
		{`"localhost" is neither a command (call, list,`, []string{"localhost", m}},
		{`ADDRESS "localhost:" is not host:port`, []string{"localhost:", m}},
		{`ADDRESS "unix:" has no`, []string{"unix:", m}},
		{"flag -H: it is not name=value", []string{"-H", "tenant", a, m}},
		{"flag -H: the name was given before", []string{"-H", "t=1", "-H", "t=2", a, m}},
		{"flag -H: the name is the transport's own", []string{"-H", "mux-attempt=2", a, m}},
		{"BODY is no JSON", []string{a, m, "hello"}},
		{"BODY: open /nowhere", []string{a, m, "@/nowhere"}},
		{"-key needs -cert", []string{"-key=k", a, m}},
		{"-cert needs -key", []string{"-cert=c", a, m}},
		{"-cert /nowhere, -key /nowhere: open", []string{"-cert=/nowhere", "-key=/nowhere", a, m}},
		{"-ca: open /nowhere", []string{"-ca=/nowhere", a, m}},
		{"holds no certificate in PEM", []string{"-ca", empty, a, m}},
		{"-insecure and -ca exclude each other", []string{"-insecure", "-ca", empty, a, m}},
		{"-tls: there is no TLS over udp", []string{"-tls", "udp:" + a, m}},
		{"ADDRESS [SERVICE] is wanted", []string{"health"}},
		{"there is no flag -n", []string{"health", "-n=1", a}},
		{"-protocol=trpc has no method for health", []string{"health", "-protocol=trpc", a}},
		{"there is no flag -d; here it is: BODY comes behind METHOD", []string{"-d", "{}", a, m}},
		{"there is no flag -plaintext; here it is: plaintext", []string{"-plaintext", a, m}},
		{`invalid value "5" for flag -timeout: it is no time with its unit, as 500ms or 5s are`, []string{"-timeout=5", a, m}},
		{`invalid value "x" for flag -interval: it is no time`, []string{"top", "-interval=x", a}},
		{`"health" is a command, and a command comes before its flags`, []string{"-timeout=1s", "health", a}},
		{"BODY: more than 64 MiB", []string{"-raw", a, m, "@" + huge}},
		{"BODY: read " + filepath.Dir(empty) + ": is a directory", []string{a, m, "@" + filepath.Dir(empty)}},
		{"ADDRESS [PREFIX] is wanted", []string{"list"}},
		{"ADDRESS [METHOD] is wanted", []string{"describe"}},
		{"-protocol=trpc: tRPC has no way to ask for a description", []string{"list", "-protocol=trpc", a}},
		{"-protocol=thrift: Thrift has no way to ask for a description", []string{"list", "-protocol=thrift", a}},
		{"-protocol=ttheader has no method for health", []string{"health", "-protocol=ttheader", a}},
		{"-protocol=ttheader needs -raw", []string{"-protocol=ttheader", a, m}},
		{"-H: framed Thrift carries no metadata", []string{"-protocol=thrift", "-raw", "-H", "a=b", a, m}},
		{"-protocol=jsonrpc1: the protocol has no way to ask", []string{"describe", "-protocol=jsonrpc1", a}},
		{"URL of an admin page is wanted", []string{"top"}},
		{`URL "ftp://x/" is not that of a page`, []string{"top", "ftp://x/"}},
		{`URL "http://" is not that of a page`, []string{"-top", "http://"}},
		{"-tls: URL \"http://x/\" is not https", []string{"top", "-insecure", "http://x/"}},
		{"-interval=1ms is not within", []string{"top", "-interval=1ms", "x"}},
		{"-n=-1 is negative", []string{"top", "-n=-1", "x"}},
		{"-timeout=0s is not over 0", []string{"top", "-timeout=0", "x"}},
		{"SHELL is wanted", []string{"completion"}},
		{`SHELL "tcsh" is none of bash, zsh, fish`, []string{"completion", "tcsh"}},
		{"complete is for the scripts", []string{"complete"}},
	} {
		r := command(t, "", c.args...)
		r.check(t, exitUsage, "", "muxcall: ", c.says)
		if strings.Count(r.err, "\n") != 1 {
			t.Errorf("%q: not one line:\n%s", c.args, r.err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"localhost:80":     "tcp://localhost:80",
		"[::1]:80":         "tcp://[::1]:80",
		"unix:/run/s.sock": "unix:///run/s.sock",
		"unix:s.sock":      "unix://s.sock",
		"udp:localhost:80": "udp://localhost:80",
	} {
		if got, err := nodeOf(address); err != nil || got.String() != want {
			t.Errorf("%s is %v, %v", address, got, err)
		}
	}
}

// The help tells every flag, and is no error.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"health", "-h"}, {"call", "-h"}, {"list", "-h"}, {"top", "-h"}, {"completion", "-h"}} {
		command(t, "", args...).check(t, exitOK, help)
	}
	for _, name := range commandNames {
		if commandOf(name) == nil || !strings.Contains(help, "muxcall "+name+" ") && name != "call" {
			t.Errorf("there is no command %s, or the help does not tell of it", name)
		}
		newFlags(flagsOf(name)).VisitAll(func(f *flag.Flag) {
			if !strings.Contains(help, "\n  -"+f.Name+" ") {
				t.Errorf("the help does not tell of -%s of %s", f.Name, name)
			}
		})
	}
	for _, code := range []string{"0", "1", "2", "3", "4", "5", "130"} {
		if !strings.Contains(help, "\n  "+code+" ") && !strings.Contains(help, "\n  "+code+"  ") {
			t.Errorf("the help does not tell of exit code %s", code)
		}
	}
}
