//go:build peers

package dnssd

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// unbound is a real resolver, which asks the test's own server for example.org.
type unbound struct {
	address, config string
	cmd             *exec.Cmd
	log             bytes.Buffer
}

func startUnbound(t *testing.T, authority *server) *unbound {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	_, at, _ := net.SplitHostPort(authority.address)
	u := &unbound{address: fmt.Sprintf("127.0.0.1:%d", port), config: filepath.Join(t.TempDir(), "unbound.conf")}
	text := fmt.Sprintf(`server:
  interface: 127.0.0.1
  port: %d
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
stub-zone:
  name: "example.org"
  stub-addr: 127.0.0.1@%s
remote-control:
  control-enable: no
`, port, filepath.Dir(u.config), at)
	if err := os.WriteFile(u.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u.start(t)
	t.Cleanup(u.kill)
	return u
}

func (u *unbound) start(t *testing.T) {
	t.Helper()
	u.cmd = exec.Command("unbound", "-d", "-c", u.config)
	u.cmd.Stdout, u.cmd.Stderr = &u.log, &u.log
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		q := new(dns.Msg)
		q.SetQuestion("localhost.", dns.TypeA)
		if r, err := dns.Exchange(q, u.address); err == nil && r.Rcode == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("unbound does not answer at %s", u.address)
}

func (u *unbound) kill() {
	u.cmd.Process.Kill()
	u.cmd.Wait()
}

// A real resolver caches by the time to live, truncates, is killed and started again; its authority fails, and says that there
// is no such name.
func TestUnbound(t *testing.T) {
	record := func(ttl, weight int, target string) string {
		return strings.Replace(srv(0, weight, 80, target), " 0 IN", fmt.Sprintf(" %d IN", ttl), 1)
	}
	authority, w := serve(t, record(1, 7, "a.example.org.")), &witness{}
	u := startUnbound(t, authority)
	i, err := NewSRV("_stock._tcp.example.org", WithServers(u.address), WithInterval(100*time.Millisecond, 0), WithLogger(w), WithTimeout(3*time.Second))
	w.follow(t, i, err)
	list := `[{"address":"a.example.org.:80","weight":7}]`
	w.sees(t, list)

	authority.says(0, record(1, 7, "b.example.org."))
	w.sees(t, strings.ReplaceAll(list, "a.example", "b.example"))

	var many []string
	var names []string
	for n := range 100 {
		many = append(many, record(1, 1, fmt.Sprintf("node-%03d.example.org.", n)))
		names = append(names, fmt.Sprintf(`{"address":"node-%03d.example.org.:80","weight":1}`, n))
	}
	authority.says(0, many...)
	list = "[" + strings.Join(names, " ") + "]"
	w.sees(t, list) // by TCP

	u.kill()
	w.sees(t, list+"!by udp")
	u.start(t)
	w.sees(t, list)

	authority.says(dns.RcodeServerFailure)
	w.sees(t, list+"!SERVFAIL")
	authority.says(0, many...)
	i.Refresh()
	w.sees(t, list)

	authority.says(dns.RcodeNameError)
	w.sees(t, "[]") // said twice
	authority.says(0, record(1, 7, "c.example.org."))
	w.sees(t, `[{"address":"c.example.org.:80","weight":7}]`)
}
