//go:build linux

package interop

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/kubesd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// account is the folder that a pod has of its service account, orders.
type account struct {
	cluster *cluster
	dir     string
}

// newAccount makes the account, and what it may do as the document says, and gives it a token.
func newAccount(t *testing.T, c *cluster) *account {
	t.Helper()
	for _, o := range documented(t, "discovery.md") {
		if o.kind != "Deployment" {
			c.apply(t, o.path, o.object)
		}
	}
	a := &account{cluster: c, dir: t.TempDir()}
	authority, err := os.ReadFile(filepath.Join(c.dir, "apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, "ca.crt", string(authority))
	a.write(t, "namespace", "shop")
	a.write(t, "token", a.token(t, ""))
	return a
}

func (a *account) write(t *testing.T, name, text string) {
	t.Helper()
	beside := filepath.Join(a.dir, name+".new")
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(beside, filepath.Join(a.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// token is a new one, which is good for an hour, or, if it is bound to a Secret, until that is deleted.
func (a *account) token(t *testing.T, secret string) string {
	t.Helper()
	spec := map[string]any{"expirationSeconds": 3600}
	if secret != "" {
		a.cluster.apply(t, "/api/v1/namespaces/shop/secrets/"+secret, map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": secret, "namespace": "shop"}})
		spec["boundObjectRef"] = map[string]any{"apiVersion": "v1", "kind": "Secret", "name": secret}
	}
	body, err := json.Marshal(map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	code, answer := a.cluster.ask(t, http.MethodPost, "/api/v1/namespaces/shop/serviceaccounts/orders/token", "application/json", body)
	var got struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	if err := json.Unmarshal(answer, &got); err != nil || code != http.StatusCreated || got.Status.Token == "" {
		t.Fatalf("a token: %d, %v: %s", code, err, answer)
	}
	return got.Status.Token
}

// shortLived is a token as the API server makes them, but for the time until which it is good, of which it would make ten minutes.
func (a *account) shortLived(t *testing.T, d time.Duration) string {
	t.Helper()
	parts := strings.Split(a.token(t, ""), ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	claims["exp"] = time.Now().Add(d).Unix()
	if text, err = json.Marshal(claims); err != nil {
		t.Fatal(err)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(text)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.cluster.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// follow makes an Instancer of the service stock, with this account.
func (a *account) follow(t *testing.T, server string, opts ...kubesd.Option) *kubesd.Instancer {
	t.Helper()
	i, err := kubesd.NewInstancer("stock", append([]kubesd.Option{kubesd.WithServer(server), kubesd.WithServiceAccount(a.dir),
		kubesd.WithPort("mux"), kubesd.WithTimeout(20 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return i
}

func address(in muxendpoint.Instance) string { return in.Address }

// gateway is an HTTP proxy before the API server, as a sidecar would be one: it has watches end sooner than kubesd asks for,
// and remembers requests.
type gateway struct {
	url string

	mu       sync.Mutex
	lists    []url.Values // of whole slices
	looks    int          // at metadata
	versions []string     // at which watches began
}

// newGateway makes one whose watches end after seconds.
func newGateway(t *testing.T, c *cluster, seconds string) *gateway {
	t.Helper()
	g := &gateway{}
	to, err := url.Parse("https://" + c.address)
	if err != nil {
		t.Fatal(err)
	}
	tls := c.client.Transport.(*http.Transport).TLSClientConfig
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), Transport: &http.Transport{TLSClientConfig: tls, DisableKeepAlives: true},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			q := r.In.URL.Query()
			g.note(r.In)
			if q.Has("watch") {
				q.Set("timeoutSeconds", seconds)
			}
			r.Out.URL.RawQuery = q.Encode()
		}}
	g.url = serveHTTP(t, proxy)
	return g
}

func (g *gateway) note(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch q := r.URL.Query(); {
	case q.Has("watch"):
		g.versions = append(g.versions, q.Get("resourceVersion"))
	case strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList"):
		g.looks++
	default:
		g.lists = append(g.lists, q)
	}
}

// seen are how many lists of whole slices were asked for, and at which places watches began.
func (g *gateway) seen() (lists int, versions []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.lists), append([]string(nil), g.versions...)
}

// watches waits until n more watches have begun.
func (g *gateway) watches(t *testing.T, n int) {
	t.Helper()
	_, before := g.seen()
	discoverytest.Eventually(t, "more watches", func() bool {
		_, now := g.seen()
		return len(now) >= len(before)+n
	})
}
