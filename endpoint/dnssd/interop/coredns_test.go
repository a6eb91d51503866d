//go:build peers

package interop

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	corednslog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// corednsEnv makes this test binary, run once more, a CoreDNS: the folder of its Corefile.
const corednsEnv = "MUXKIT_TEST_COREDNS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(corednsEnv); dir != "" {
		beCoreDNS(dir)
	}
	goleak.VerifyTestMain(bounded.Tests(m))
}

func beCoreDNS(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "Corefile"))
	if err == nil {
		err = dnsserver.SetDirectives([]string{"bind", "errors", "cache", "loadbalance", "file"})
	}
	if err == nil {
		caddy.Quiet, dnsserver.Quiet = true, true
		_, err = caddy.Start(caddy.CaddyfileInput{Contents: text, Filepath: "Corefile", ServerTypeName: "dns"})
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	corednslog.SetOutput(os.Stdout)
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin) // until the test ends
	os.Exit(0)
}

// coredns is a process that has the zone example.org, and looks twice a second whether its file is another.
type coredns struct {
	dir, address string
	process      *peertest.Process

	mu     sync.Mutex
	serial int
}

// startCoreDNS starts one; plugins are more lines of its Corefile.
func startCoreDNS(t *testing.T, plugins string, records ...string) *coredns {
	t.Helper()
	c := &coredns{dir: t.TempDir(), address: discoverytest.FreeAddress(t, "127.0.0.1")}
	_, port, err := net.SplitHostPort(c.address)
	if err != nil {
		t.Fatal(err)
	}
	c.zone(t, records...)
	c.write(t, "Corefile", fmt.Sprintf("example.org:%s {\nbind 127.0.0.1\nerrors\nloadbalance\n%s\nfile %s/zone {\nreload 500ms\n}\n}\n", port, plugins, c.dir))
	c.start(t)
	return c
}

func (c *coredns) write(t *testing.T, name, text string) {
	t.Helper()
	beside := filepath.Join(c.dir, name+".new")
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(beside, filepath.Join(c.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// zone writes the zone's file: these records, and another serial number, by which CoreDNS knows that it is another.
func (c *coredns) zone(t *testing.T, records ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	c.write(t, "zone", fmt.Sprintf("$ORIGIN example.org.\n@ 1 IN SOA ns admin %d 3600 600 86400 1\n@ 1 IN NS ns\nns 1 IN A 127.0.0.1\n%s\n", c.serial, strings.Join(records, "\n")))
}

// serves waits until it has the file that was written last.
func (c *coredns) serves(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	want := uint32(c.serial)
	c.mu.Unlock()
	discoverytest.Eventually(t, "the zone is loaded", func() bool {
		q := new(dns.Msg)
		q.SetQuestion("example.org.", dns.TypeSOA)
		r, err := dns.Exchange(q, c.address)
		if err != nil || len(r.Answer) != 1 {
			return false
		}
		soa, ok := r.Answer[0].(*dns.SOA)
		return ok && soa.Serial == want
	})
}

// says waits for a line of its log.
func (c *coredns) says(t *testing.T, text string) {
	t.Helper()
	discoverytest.Eventually(t, "CoreDNS says "+text, func() bool { return strings.Contains(c.process.Said(), text) })
}

func (c *coredns) start(t *testing.T) {
	t.Helper()
	c.process, _ = peertest.StartAt(t, func() *exec.Cmd { return peertest.Again(corednsEnv + "=" + c.dir) }, "ready")
}
