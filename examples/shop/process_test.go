package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// skipUnlessSignals: not every system can send a process the signals that these tests are about.
func skipUnlessSignals(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		t.Skip("there are no such signals on this system")
	}
}

func newProcess(t *testing.T, service string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	if err := makeCertificates(dir); err != nil {
		t.Fatal(err)
	}
	if err := replace(filesOf(dir, service).settings, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(dir, service, 1, args...)
	t.Cleanup(func() {
		if err := p.kill(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// At SIGTERM a process first says that it is not ready, and serves on.
func TestAProcessIsNotReadyBeforeItEnds(t *testing.T) {
	skipUnlessSignals(t)
	p := newProcess(t, stock, "-drain", "1h")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get("http://" + p.ops + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it says %v", answer.Status)
		}
	}
	nc, err := net.DialTimeout("tcp", p.address, patience)
	if err != nil {
		t.Fatalf("clients that do not know it yet cannot connect: %v", err)
	}
	_ = nc.Close()
}

// Then it ends, with the exit code 0.
func TestAProcessEndsInGoodOrder(t *testing.T) {
	skipUnlessSignals(t)
	p := newProcess(t, stock, "-drain", "1ms")
	if err := p.terminate(); err != nil || len(p.unclean) > 0 {
		t.Error(err, p.unclean)
	}
}

// SIGHUP has a process read its settings again, and senseless ones are told with their field.
func TestAProcessReadsItsSettingsAgain(t *testing.T) {
	skipUnlessSignals(t)
	p := newProcess(t, stock)
	settings := filesOf(p.args[3], stock).settings
	for text, want := range map[string]string{
		`{"retry": {"attempts": 7}}`:       "retry.attempts=7",
		`{"breaker": {"max_ejection": 2}}`: "breaker.max_ejection: 2 is not from 0.01 to 1",
	} {
		if err := replace(settings, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := p.reload(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			log, err := os.ReadFile(p.log)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(log), want) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%q is not logged:\n%s", want, log)
			}
		}
	}
}

// Renewed certificates are shown to who connects from then on, without a restart.
func TestCertificatesAreRenewed(t *testing.T) {
	s := newStreet(t)
	if _, err := s.call(t, look, s.load.token, "id"); err != nil {
		t.Fatal(err)
	}
	before := s.serial(t)
	if err := makeCertificates(s.dir); err != nil {
		t.Fatal(err)
	}
	if s.serial(t).Cmp(before) == 0 {
		t.Error("the old certificate is shown")
	}
	if _, err := s.call(t, look, s.load.token, "id"); err != nil {
		t.Errorf("on the connections that are open: %v", err)
	}
}

// serial is that of the certificate that the shop shows.
func (s *street) serial(t *testing.T) *big.Int {
	t.Helper()
	own := filesOf(s.dir, edge)
	pair, err := tls.LoadX509KeyPair(own.certificate, own.key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(own.authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	d := tls.Dialer{Config: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: hostOf(shop)}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nc, err := d.DialContext(ctx, "tcp", s.nodes[shop].address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	return nc.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber
}

// Two scenes, played shortly, and the table. All of them at full length are a step of their own:
// see .ci/steps.
func TestScenes(t *testing.T) {
	skipUnlessSignals(t)
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	p := play{scenes: scenes[:2], rate: 40, timeout: time.Minute, stop: 300 * time.Millisecond, settle: 100 * time.Millisecond, traces: "memory", out: &out}
	if err := p.run(ctx); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, s := range p.scenes {
		if !strings.Contains(out.String(), "\n"+s.name) || !strings.Contains(out.String(), "/debug/mux") {
			t.Errorf("the output lacks %s:\n%s", s.name, out.String())
		}
	}
	t.Log(out.String())
}

// Without scenes calls are made until the time is over.
func TestIdle(t *testing.T) {
	var out bytes.Buffer
	p := play{rate: 50, timeout: 20 * time.Second, duration: 300 * time.Millisecond, traces: "files", dir: t.TempDir(), out: &out}
	if err := p.run(t.Context()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "\nnow      Look ") {
		t.Errorf("no table:\n%s", out.String())
	}
	if _, err := os.Stat(p.dir + "/stock-0.spans"); err != nil {
		t.Error(err)
	}
}
