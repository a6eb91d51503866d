//go:build linux

package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

const (
	admin  = "the-token-of-an-administrator"
	issuer = "https://kubernetes.default.svc"
)

// cluster is an API server and an etcd behind it; there are no controllers: what they would write, tests do.
type cluster struct {
	etcd    *etcd
	address string
	proxy   *discoverytest.Proxy // before the API server
	key     *rsa.PrivateKey      // by which tokens of service accounts are signed
	dir     string
	flags   []string
	process *peertest.Process
	client  *http.Client
}

// startCluster starts one; flags are more of the API server's. It has the namespace shop.
func startCluster(t *testing.T, flags ...string) *cluster {
	t.Helper()
	bounded.Long(t) // it takes its time to start
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{etcd: startEtcd(t), address: discoverytest.FreeAddress(t, host), key: key, dir: t.TempDir(), flags: flags}
	c.write(t, "tokens", admin+",admin,1,system:masters\n")
	c.write(t, "key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	c.start(t)
	c.proxy = discoverytest.NewProxy(t, c.address)
	c.apply(t, "/api/v1/namespaces/shop", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "shop"}})
	return c
}

func (c *cluster) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start starts the API server, and waits until it is ready.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(c.address)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(c.dir, "key")
	cmd := exec.Command(os.Getenv(serverEnv), append([]string{
		"--etcd-servers=http://" + c.etcd.clients, "--bind-address=" + host, "--advertise-address=" + host, "--secure-port=" + port,
		"--cert-dir=" + c.dir, "--token-auth-file=" + filepath.Join(c.dir, "tokens"), "--authorization-mode=RBAC",
		"--service-account-issuer=" + issuer, "--service-account-key-file=" + key, "--service-account-signing-key-file=" + key,
		"--service-cluster-ip-range=10.10.0.0/16"}, c.flags...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.process = peertest.Start(t, cmd)
	c.ready(t)
}

// ready waits until the API server is.
func (c *cluster) ready(t *testing.T) {
	t.Helper()
	discoverytest.Eventually(t, "the API server is ready", func() bool {
		authority, err := os.ReadFile(filepath.Join(c.dir, "apiserver.crt"))
		if err != nil {
			return false
		}
		if c.client == nil {
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(authority) {
				return false
			}
			c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		}
		code, _ := c.ask(t, http.MethodGet, "/readyz", "", nil)
		return code == http.StatusOK
	})
}

// kill ends the API server at once.
func (c *cluster) kill() { c.process.Kill() }

// ask makes a request of an administrator's.
func (c *cluster) ask(t *testing.T, method, path, contentType string, body []byte) (code int, answer []byte) {
	t.Helper()
	return c.askAs(t, admin, method, path, contentType, body)
}

func (c *cluster) askAs(t *testing.T, token, method, path, contentType string, body []byte) (code int, answer []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "https://"+c.address+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	a, err := c.client.Do(r)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer a.Body.Close()
	answer, err = io.ReadAll(a.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	if warnings := a.Header["Warning"]; len(warnings) > 0 {
		t.Errorf("%s %s: the API server warns: %s", method, path, warnings)
	}
	return a.StatusCode, answer
}

// apply creates an object, or makes it what is given.
func (c *cluster) apply(t *testing.T, path string, object any) {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	code, answer := c.ask(t, http.MethodPatch, path+"?fieldManager=test&force=true", "application/apply-patch+yaml", text)
	if code != http.StatusOK && code != http.StatusCreated {
		t.Fatalf("%s: %d: %s", path, code, answer)
	}
}

func (c *cluster) delete(t *testing.T, path string) {
	t.Helper()
	if code, answer := c.ask(t, http.MethodDelete, path, "", nil); code != http.StatusOK {
		t.Fatalf("%s: %d: %s", path, code, answer)
	}
}

const slicesPath = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"

// endpoint is one of an EndpointSlice.
type endpoint struct {
	Addresses  []string        `json:"addresses"`
	Conditions map[string]bool `json:"conditions,omitempty"`
	NodeName   string          `json:"nodeName,omitempty"`
	Zone       string          `json:"zone,omitempty"`
	Hints      *hints          `json:"hints,omitempty"`
}

type hints struct {
	ForZones []zoneHint `json:"forZones"`
}

type zoneHint struct {
	Name string `json:"name"`
}

// at is an endpoint that is ready, as the controller writes it.
func at(address string, zones ...string) endpoint {
	e := endpoint{Addresses: []string{address}, Conditions: conditions(true, true, false)}
	for _, z := range zones {
		if e.Hints == nil {
			e.Hints = &hints{}
		}
		e.Hints.ForZones = append(e.Hints.ForZones, zoneHint{z})
	}
	return e
}

func conditions(ready, serving, terminating bool) map[string]bool {
	return map[string]bool{"ready": ready, "serving": serving, "terminating": terminating}
}

// slice writes an EndpointSlice of the service stock, with a port mux.
func (c *cluster) slice(t *testing.T, name string, endpoints ...endpoint) {
	t.Helper()
	c.sliceOf(t, name, "stock", endpoints...)
}

func (c *cluster) sliceOf(t *testing.T, name, service string, endpoints ...endpoint) {
	t.Helper()
	family := "IPv4"
	if len(endpoints) > 0 && strings.Contains(endpoints[0].Addresses[0], ":") {
		family = "IPv6"
	}
	if endpoints == nil {
		endpoints = []endpoint{}
	}
	c.apply(t, slicesPath+"/"+name, map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
		"metadata":  map[string]any{"name": name, "namespace": "shop", "labels": map[string]string{"kubernetes.io/service-name": service}},
		"endpoints": endpoints, "ports": []any{map[string]any{"name": "mux", "port": port, "protocol": "TCP"}}})
}

const port = 8080

func withPort(addresses ...string) string {
	var all []string
	for _, a := range addresses {
		all = append(all, net.JoinHostPort(a, fmt.Sprint(port)))
	}
	return strings.Join(all, " ")
}
