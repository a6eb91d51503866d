package peertest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Unbound is a resolver, that can be killed and started again, and asks an authority for example.org.
type Unbound struct {
	*Process
	Address string

	config string
}

// StartUnbound runs one; settings are more of its section server.
func StartUnbound(t testing.TB, authority string, settings ...string) *Unbound {
	t.Helper()
	pc, l := ListenBoth(t)
	pc.Close()
	l.Close()
	u := &Unbound{Address: l.Addr().String(), config: filepath.Join(t.TempDir(), "unbound.conf")}
	_, port, _ := net.SplitHostPort(u.Address)
	_, at, _ := net.SplitHostPort(authority)
	text := fmt.Sprintf(`server:
  interface: 127.0.0.1
  port: %s
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  num-threads: 1
  infra-host-ttl: 0
  %s
stub-zone:
  name: "example.org"
  stub-addr: 127.0.0.1@%s
remote-control:
  control-enable: no
`, port, filepath.Dir(u.config), strings.Join(settings, "\n  "), at)
	if err := os.WriteFile(u.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u.Start(t)
	return u
}

// Start starts it again, and waits until it answers.
func (u *Unbound) Start(t testing.TB) {
	t.Helper()
	u.Process = Start(t, exec.Command("unbound", "-d", "-c", u.config))
	for range 400 {
		if u.answers() {
			return
		}
		time.Sleep(50 * time.Millisecond) // only the resolver knows when
	}
	t.Fatalf("unbound does not answer at %s", u.Address)
}

// answers asks it for the address of localhost, by hand, and reports whether it knows.
func (u *Unbound) answers() bool {
	const name = "\x09localhost\x00"
	nc, err := net.Dial("udp", u.Address)
	if err != nil {
		return false
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Second))
	question := slices.Concat([]byte{0x47, 0x11, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, []byte(name), []byte{0, 1, 0, 1}) // RFC 1035, 4.1
	if _, err := nc.Write(question); err != nil {
		return false
	}
	answer := make([]byte, 512)
	n, err := nc.Read(answer)
	return err == nil && n > 12 && answer[3]&0xf == 0
}
