package kubesd

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discovery"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// Every option sets what it says, and what is not given is the pod's.
func TestWhatIsConfigured(t *testing.T) {
	pod := t.TempDir()
	if err := os.WriteFile(filepath.Join(pod, "namespace"), []byte("shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "6443")
	w := &discoverytest.Logger{}
	for name, c := range map[string]struct {
		opts []Option
		want config
	}{
		"nothing": {nil, config{server: "https://[fd00::1]:6443", namespace: "shop", timeout: 10 * time.Second, grace: time.Minute}},
		"all": {[]Option{nil, WithLogger(w), WithServer("http://10.0.0.1:8001/"), WithNamespace("other"), WithPort("mux"), WithFamily("IPv6"),
			WithZone("north"), WithTimeout(time.Minute), WithGrace(time.Hour)},
			config{Options: discovery.Options{Logger: w}, server: "http://10.0.0.1:8001", namespace: "other", port: "mux", family: "IPv6", zone: "north", timeout: time.Minute, grace: time.Hour}},
		"zero": {[]Option{WithTimeout(0), WithGrace(0)}, config{server: "https://[fd00::1]:6443", namespace: "shop", timeout: 10 * time.Second, grace: time.Minute}},
	} {
		c.want.account, c.want.Invalid = pod, ErrInvalidOption
		got, err := config{}.with(append([]Option{WithServiceAccount(pod)}, c.opts...))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if got, err := (config{}).with([]Option{WithNamespace("x")}); err != nil || got.account != serviceAccount {
		t.Errorf("the account is at %s, %v", got.account, err)
	}
	for _, missing := range []string{"KUBERNETES_SERVICE_PORT", "KUBERNETES_SERVICE_HOST"} {
		t.Run(missing, func(t *testing.T) {
			t.Setenv(missing, "")
			if _, err := (config{}).with([]Option{WithNamespace("x")}); !errors.Is(err, ErrInvalidOption) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A client lasts as long as the authority that it believes.
func TestTheClientGoesWithTheAuthority(t *testing.T) {
	s, other := startServer(t, ""), startServer(t, "")
	before := &wire{}
	a := api{cfg: config{server: s.URL, account: s.account}, client: &http.Client{Transport: before}}
	if err := a.believe(); err != nil {
		t.Fatal(err)
	}
	if n := before.idle.Load(); n != 1 {
		t.Errorf("connections of the client before were closed %d times", n)
	}
	first := a.client
	if err := a.believe(); err != nil || a.client != first {
		t.Errorf("of the same authority another client, %v", err)
	}
	text, err := os.ReadFile(filepath.Join(other.account, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	s.write("ca.crt", string(text)+"\n")
	if err := a.believe(); err != nil || a.client == first {
		t.Errorf("of another authority the same client, %v", err)
	}
}

// A server that falls silent is asked for a sign of life soon enough, and long enough, that docs/discovery.md
// is right to say after how long its silence is told; it is believed by TLS, not for what it redirects to.
func TestHowTheServerIsAsked(t *testing.T) {
	s := startServer(t, "")
	a := api{cfg: config{server: s.URL, account: s.account, timeout: 7 * time.Second}}
	if err := a.believe(); err != nil {
		t.Fatal(err)
	}
	tr := a.client.Transport.(*http.Transport)
	if silence := tr.HTTP2.SendPingTimeout + tr.HTTP2.PingTimeout; !tr.ForceAttemptHTTP2 || tr.HTTP2.SendPingTimeout < 10*time.Second || silence < 20*time.Second || silence > 30*time.Second {
		t.Errorf("a silent server is given up after %v, asked after %v", silence, tr.HTTP2.SendPingTimeout)
	}
	if tr.TLSHandshakeTimeout != 7*time.Second || tr.TLSClientConfig.MinVersion != tls.VersionTLS12 || tr.TLSClientConfig.RootCAs == nil {
		t.Errorf("TLS: %v to shake hands, from version %x on", tr.TLSHandshakeTimeout, tr.TLSClientConfig.MinVersion)
	}
	if err := a.client.CheckRedirect(nil, nil); !errors.Is(err, http.ErrUseLastResponse) {
		t.Errorf("a redirect: %v", err)
	}
}

// The end of a watch is no error if it came between events.
func TestTheEndOfAWatch(t *testing.T) {
	s := startServer(t, "")
	a := api{cfg: config{server: s.URL, account: s.account, namespace: "shop", timeout: 10 * time.Second}, service: "stock"}
	for _, c := range []struct{ line, want string }{{"", ""}, {`{"type":`, "watching: unexpected EOF"}, {`{"type":"X"}`, "no more"}} {
		begun := make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			ended <- a.watch(t.Context(), "1", func() { close(begun) }, func(watchEvent) error { return errors.New("no more") })
		}()
		watch := s.next()
		bounded.Receive(t, begun)
		if c.line != "" {
			say(t, watch, c.line)
		}
		close(watch)
		if err := bounded.Receive(t, ended); err == nil && c.want != "" || err != nil && err.Error() != c.want {
			t.Errorf("after %q: %v, want %q", c.line, err, c.want)
		}
	}
	a.close()
}

// What the server does not say is told in short, without the address and the token's file's content.
func TestErrorsOfRequests(t *testing.T) {
	s := startServer(t, "")
	a := api{cfg: config{server: s.URL, account: s.account, namespace: "shop", timeout: 10 * time.Second}, service: "stock"}
	s.Close()
	if _, err := a.get(t.Context(), whole, url.Values{}); err == nil || strings.Contains(err.Error(), "endpointslices") {
		t.Errorf("nobody listens: %v", err)
	}
	if err := os.Remove(filepath.Join(s.account, "ca.crt")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.get(t.Context(), whole, url.Values{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without an authority: %v", err)
	}
	own := errors.New("own")
	if withoutToken(own) != own {
		t.Error("an error that is not the client's is another")
	}
	if err := os.Remove(filepath.Join(s.account, "token")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.get(t.Context(), whole, url.Values{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a token: %v", err)
	}
}

// An event that says nothing of what there is now ends a watch, and changes nothing.
func TestEventsThatCannotBeFollowed(t *testing.T) {
	for line, want := range map[string]string{
		`{"type":"ERROR","object":{"code":500}}`:                                    "",
		`{"type":"ADDED","object":{"metadata":{"name":"a"}}}`:                       "",
		`{"type":"ADDED","object":{"metadata":{"resourceVersion":"6"}}}`:            "",
		`{"type":"BOOKMARK","object":{"metadata":{}}}`:                              "",
		`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"6"}}}`:         "6",
		`{"type":"NEWER","object":{"metadata":{"resourceVersion":"6"}}}`:            "5",
		`{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"6"}}}`: "6 a",
	} {
		var ev watchEvent
		decode(t, line, &ev)
		k := known{version: "5", slices: map[string]endpointSlice{}}
		err := k.apply(ev)
		got := k.version
		for name := range k.slices {
			got += " " + name
		}
		if want == "" && (err == nil || got != "5") || want != "" && (err != nil || got != want) {
			t.Errorf("%s: %v, at %q, want %q", line, err, got, want)
		}
	}
}

// Who is left out is named, and the bounds of a port are within.
func TestPortsOfSlices(t *testing.T) {
	for number, good := range map[int]bool{0: false, 1: true, 65535: true, 65536: false, -1: false} {
		w := &discoverytest.Logger{}
		i := Instancer{}
		i.complaints.Logger = w
		s := endpointSlice{AddressType: "IPv4", Endpoints: []pod{{Addresses: []string{"10.0.0.1"}}}, Ports: []port{{"a", number}}}
		list, err := i.cfg.merge(map[string]endpointSlice{"stock-1": s}, &i.complaints)
		if (err == nil) != good || len(list) == 1 != good || len(w.Lines("")) == 0 != good {
			t.Errorf("port %d: %v, %v, left out %q", number, list, err, w.Lines(""))
		}
	}
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatal(err)
	}
}
