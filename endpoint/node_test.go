package endpoint

import (
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
)

func TestParseNode(t *testing.T) {
	for instance, want := range map[string]muxpool.Node{
		"10.0.0.1:8080":               {Network: "tcp", Address: "10.0.0.1:8080"},
		"tcp://10.0.0.1:8080":         {Network: "tcp", Address: "10.0.0.1:8080"},
		"TCP4://10.0.0.1:8080":        {Network: "tcp4", Address: "10.0.0.1:8080"},
		"[::1]:53":                    {Network: "tcp", Address: "[::1]:53"},
		"tcp6://[fe80::1%eth0]:53":    {Network: "tcp6", Address: "[fe80::1%eth0]:53"},
		"db.example.org.:postgresql":  {Network: "tcp", Address: "db.example.org.:postgresql"},
		"udp://ns.example.org:53":     {Network: "udp", Address: "ns.example.org:53"},
		"udp6://[::1]:53":             {Network: "udp6", Address: "[::1]:53"},
		"unix:///run/app.sock":        {Network: "unix", Address: "/run/app.sock"},
		"unix://relative.sock":        {Network: "unix", Address: "relative.sock"},
		"unix://@abstract":            {Network: "unix", Address: "@abstract"},
		"xn--bcher-kva.example:65535": {Network: "tcp", Address: "xn--bcher-kva.example:65535"},
	} {
		if got, err := ParseNode(instance); err != nil || got != want {
			t.Errorf("ParseNode(%q) = %v, %v, want %v", instance, got, err, want)
		}
	}
}

func TestParseNodeRefuses(t *testing.T) {
	for _, instance := range []string{"", " ", "host", "host:", ":80", "host:0", "host:65536", "host:-1", "::1:80", "[::1]",
		"http://host:80", "://host:80", "tcp://", "unix://", "host:80\n", "ho st:80", "host:8 0", "host:80/path", "\x00:1",
		"unix:///run/\x1b[31m.sock", "tcp://tcp://host:80", "ho\xffst:80"} {
		got, err := ParseNode(instance)
		if !errors.Is(err, ErrInstance) || got != (muxpool.Node{}) {
			t.Errorf("ParseNode(%q) = %v, %v, want ErrInstance", instance, got, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x00\x1b") {
			t.Errorf("ParseNode(%q): the error passes control characters on", instance)
		}
	}
	if _, err := ParseNode(strings.Repeat("x", 1<<20)); len(err.Error()) > 2000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

func FuzzParseNode(f *testing.F) {
	for _, s := range []string{"a:1", "tcp://a:1", "unix:///a", "udp://[::1]:53", "://", "[:1", "a:65536", "UNIX://\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, instance string) {
		n, err := ParseNode(instance)
		if err != nil {
			if !errors.Is(err, ErrInstance) {
				t.Fatalf("%v does not wrap ErrInstance", err)
			}
			return
		}
		again, err := ParseNode(n.String())
		if err != nil || again != n {
			t.Fatalf("%q is %v, which reads as %v, %v", instance, n, again, err)
		}
	})
}
