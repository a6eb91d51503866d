package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestCompletion(t *testing.T) {
	defer func(d time.Duration) { patience = d }(patience)
	patience = time.Minute
	n := serve(t, native.Protocol{}, transport.ServiceDescribe())
	n.SetServing("stock", true)
	nothing := transport.NewServer(func(context.Context, any) (any, error) { return []byte{}, nil }, transport.DecodeBytes, transport.EncodeBytes)
	for _, name := range []string{"shop.Order", "shop.Pay", "shop.$(reboot)", "shop.a b", "shop.\x1b", "shop.;ls", "shop.*"} {
		n.Handle(name, nothing)
	}
	a := n.address
	for _, c := range []struct {
		want  string // words
		words []string
	}{
		{"call list describe health top completion", []string{""}},
		{"call completion", []string{"c"}},
		{"bash zsh fish", []string{"completion", ""}},
		{"", []string{"completion", "bash", ""}},
		{"-c -ca -cert -conns", []string{"-c"}},
		{"-watch", []string{"health", "-w"}},
		{"-timeout -tls", []string{"call", "-v", "-t"}},
		{"native", []string{"-protocol", "n"}},
		{"", []string{"-ca", ""}},
		{"", []string{"call", ""}}, // an address
		{"shop.Order shop.Pay", []string{a, "shop."}},
		{"shop.Order shop.Pay", []string{"call", "-v", "-n", "3", "-H", "a=b", a, "shop."}},
		{"shop.Pay", []string{"describe", "-timeout=5s", a, "shop.P"}},
		{"", []string{"list", a, "zz"}},
		{"stock", []string{"health", a, ""}},
		{"", []string{a, "shop.Order", ""}},
		{"", []string{"call", peertest.Nobody(t), "s"}},
		{"", []string{"call", "-nonsense", a, "s"}},
		{"", []string{"-protocol=trpc", a, "s"}},
		{"", []string{"top", "x", ""}},
	} {
		r := command(t, "", append([]string{"complete", "--"}, c.words...)...)
		if got := strings.Join(strings.Fields(r.out), " "); got != c.want || r.code != exitOK || r.err != "" {
			t.Errorf("%q: %q, want %q; %+v", c.words, got, c.want, r)
		}
	}
}

// The script asks with the words as they stand on the line, ports included.
func TestCompletionInBash(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	fake := filepath.Join(dir, "muxcall") // which says how it was called, in what may be a candidate
	if err := os.WriteFile(fake, []byte("#!/bin/sh\nfor w; do echo \"<$w>\"; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"muxcall ca":                      "<complete> <--> <ca>",
		"muxcall -n 3 127.0.0.1:80 shop.": "<complete> <--> <-n> <3> <127.0.0.1:80> <shop.>",
		"muxcall list ":                   "<complete> <--> <list> <>",
	} {
		script := scripts["bash"] + fmt.Sprintf("COMP_LINE=%q COMP_POINT=%d\n_muxcall %q\necho ${COMPREPLY[*]}\n", line, len(line), fake)
		cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-c", script)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q asks %q, want %q; %v", line, got, want, err)
		}
	}
	for _, shell := range shells {
		command(t, "", "completion", shell).check(t, exitOK, scripts[shell])
	}
}

// silent returns the address of a datagram socket that never answers.
func silent(t *testing.T) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc.LocalAddr().String()
}
