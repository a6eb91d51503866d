package endpoint

import (
	"errors"
	"fmt"
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
		"bücher.example:80":           {Network: "tcp", Address: "bücher.example:80"},
		"12ab:80":                     {Network: "tcp", Address: "12ab:80"},
		"123456789012:80":             {Network: "tcp", Address: "123456789012:80"}, // a container's name
		"under_score:80":              {Network: "tcp", Address: "under_score:80"},
	} {
		if got, err := ParseNode(instance); err != nil || got != want {
			t.Errorf("ParseNode(%q) = %v, %v, want %v", instance, got, err, want)
		}
	}
}

func TestParseNodeRefuses(t *testing.T) {
	for _, instance := range []string{"", " ", "host", "host:", ":80", "host:0", "host:65536", "host:-1", "[::1]", "::1", "fd00::2:", "fd00::2:0", "fd00::2:http x", "1:2:3:4:5:6:7:80", "fd00::2]:80", "[fd00::2:80",
		"http://host:80", "://host:80", "tcp://", "unix://", "host:80\n", "ho st:80", "host:8 0", "host:80/path", "\x00:1", "?host:80", "host:1-2", "host:-x",
		"unix:///run/\x1b[31m.sock", "tcp://tcp://host:80", "ho\xffst:80", "\u0089:1", "ho\u200bst:80", "\u202ehost:80", "unix:///run/a\u00a0b.sock",
		"010.0.0.1:80", "10.0.0.256:80", "1.2.3:80", "10.0.0.1.:80", "[a:b]:80", "user@host:80", "host:+80", "host:65616", "host:80:81", "a%eth0:80", "ho?st:80"} {
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

// Why an instance is none is said of the part that is wrong.
func TestWhyAnInstanceIsNone(t *testing.T) {
	for instance, want := range map[string]string{
		"host":              "missing port in address",
		"tcp://fd00::2]:80": "too many colons in address",
		"ho?st:80":          `"?" in the host, which is neither a name nor an IP address`,
		"quic://a:1":        `network "quic" is none of tcp, udp, unix`,
		"host:65536":        `port "65536" is not within 1 to 65535`,
		"host:/80":          `port "/80" is neither a number nor the name of a service`,
		"unix://":           "no path",
	} {
		_, err := ParseNode(instance)
		if got, want := fmt.Sprint(err), "muxendpoint: bad instance "+quote(instance, maxText)+": "+want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// What discovery systems write for one address is one node.
func TestSpellingsOfAnAddressAreOneNode(t *testing.T) {
	for want, spellings := range map[string][]string{
		"tcp://[fd00::2]:8080":     {"fd00::2:8080", "[fd00::2]:8080", "FD00::2:8080", "tcp://fd00::2:8080", "TCP://[fd00:0:0::0002]:08080", "[fd00:0:0:0:0:0:0:2]:8080"},
		"tcp://[fe80::1%eth0]:53":  {"fe80::1%eth0:53", "[FE80::1%eth0]:53", "[fe80:0::1%eth0]:053"},
		"tcp://10.0.0.1:80":        {"10.0.0.1:80", "[10.0.0.1]:80", "[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1:80", "[::ffff:a00:1]:80", "10.0.0.1:00080"},
		"udp6://[::1]:53":          {"udp6://::1:53", "UDP6://[0:0:0:0:0:0:0:1]:53"},
		"tcp://db.example.org:80":  {"DB.Example.ORG:80", "tcp://db.example.org:080", "[db.example.org]:80"},
		"tcp://db.example.org.:80": {"Db.example.org.:80"}, // another name, to a resolver; see TestSetFoldsTheDotAtTheEndOfAName
		"tcp://db:https":           {"db:HTTPS", "DB:https"},
		"tcp://zz.example:80":      {"ZZ.Example:80"},
		"tcp://db:a0-z9":           {"db:A0-Z9", "DB:a0-z9"},
		"unix:///run/app.sock":     {"unix:///run/app.sock", "UNIX:////run//./app.sock", "unix:///run/app.sock/"},
		"unix://app.sock":          {"unix://app.sock", "unix://./app.sock"},
		"unix://./@app":            {"unix://./@app", "unix://.//@app"},
		"unix://@App//x":           {"unix://@App//x"},
		"unix:///run/../App//sock": {"unix:///run/../App//sock"},
	} {
		for _, spelling := range spellings {
			if got, err := ParseNode(spelling); err != nil || got.String() != want {
				t.Errorf("ParseNode(%q) = %v, %v, want %s", spelling, got, err, want)
			}
		}
	}
}

func FuzzParseNode(f *testing.F) {
	for _, s := range []string{"a:1", "tcp://a:1", "unix:///a", "udp://[::1]:53", "://", "[:1", "a:65536", "UNIX://\n",
		"fd00::2:8080", "FE80::1%Eth0:053", "[::ffff:1.2.3.4]:1", "A.:HTTP", "unix://./@a//", "unix://a/../@b", "::ffff:1.2.3.4%x:1", "1.2.3:4", "\u0089:1", "unix://\u2028"} {
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
		if n.Network == "unix" {
			return
		}
		other := n.Network + "://" + strings.ToUpper(n.Address)
		if strings.Contains(n.Address, "%") || strings.ToLower(strings.ToUpper(n.Address)) != n.Address || strings.ToUpper(lower(n.Address)) != upper(n.Address) {
			return // zones, and letters beyond ASCII, are as they are
		}
		if again, err = ParseNode(other); err != nil || again != n {
			t.Fatalf("%q is %v, %v; %q is %v", other, again, err, instance, n)
		}
	})
}

func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}
