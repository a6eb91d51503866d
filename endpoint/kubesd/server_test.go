package kubesd

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// apiServer plays the API server's part: a list in pages, and watches that a test speaks on.
type apiServer struct {
	*httptest.Server
	account string // the folder of a service account that it knows
	t       *testing.T

	mu       sync.Mutex
	token    string
	list     string   // what it answers
	pages    []string // if not nil, instead: each but the last with a "continue"
	refuse   func(watch bool) (code int, body string)
	lists    int
	versions []string         // at which watches began
	watches  chan chan string // a channel for each watch: lines to write; closed: it ends
}

func startServer(t *testing.T, list string) *apiServer {
	s := &apiServer{t: t, token: "first", list: list, account: t.TempDir(), watches: make(chan chan string, 100)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	s.write("token", "first\n")
	s.write("namespace", "shop")
	s.write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s
}

func (s *apiServer) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.account, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *apiServer) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	watch := q.Get("watch") == "true"
	s.mu.Lock()
	code, body := http.StatusOK, s.list
	switch {
	case r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices" || q.Get("labelSelector") != "kubernetes.io/service-name=stock":
		code, body = http.StatusNotFound, r.URL.String()
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		code, body = http.StatusUnauthorized, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`
	case s.refuse != nil:
		code, body = s.refuse(watch)
	}
	if code == http.StatusOK && !watch {
		s.lists++
		if s.pages != nil {
			n := 0
			fmt.Sscanf(q.Get("continue"), "page-%d", &n)
			body = s.pages[n]
		}
	}
	if code == http.StatusOK && watch {
		s.versions = append(s.versions, q.Get("resourceVersion"))
	}
	s.mu.Unlock()
	w.WriteHeader(code)
	if code != http.StatusOK || !watch {
		fmt.Fprint(w, body)
		return
	}
	if q.Get("allowWatchBookmarks") != "true" || q.Get("timeoutSeconds") == "" {
		s.t.Errorf("a watch with %s", r.URL.RawQuery)
	}
	w.(http.Flusher).Flush()
	lines := make(chan string)
	s.watches <- lines
	for {
		select {
		case line, open := <-lines:
			if !open {
				return
			}
			fmt.Fprintln(w, line)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// next is the next watch that begins.
func (s *apiServer) next() chan string {
	s.t.Helper()
	return bounded.Receive(s.t, s.watches)
}

func say(t *testing.T, watch chan string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		select {
		case watch <- l:
		case <-time.After(30 * time.Second):
			t.Fatal("nobody watches")
		}
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// slice is an EndpointSlice in JSON, as short as it can be.
func slice(t *testing.T, name, version, family string, pods []pod, ports ...port) string {
	t.Helper()
	if ports == nil {
		ports = []port{{"mux", 8080}}
	}
	text, err := json.Marshal(endpointSlice{Metadata: objectMeta{Name: name, ResourceVersion: version}, AddressType: family, Endpoints: pods, Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func listOf(version string, slices ...string) string {
	return `{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":{"resourceVersion":"` + version + `"},"items":[` + strings.Join(slices, ",") + `]}`
}

// witness keeps what an Instancer tells.
type witness struct {
	mu   sync.Mutex
	told string // the last list and, behind "!", the error after it
	seen []string
	left []string
}

func (w *witness) Log(kv ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = append(w.left, fmt.Sprint(kv...))
	return nil
}

func (w *witness) note(ev muxendpoint.InstancesEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ev.Err != nil {
		w.told, _, _ = strings.Cut(w.told, "!")
		w.told += "!" + ev.Err.Error()
		return
	}
	var all []string
	for _, in := range ev.Instances {
		text := in.Address
		if in.Zone != "" {
			text += "/" + in.Zone
		}
		if in.Labels["pod"] != "" {
			text += "/" + in.Labels["pod"]
		}
		all = append(all, text)
	}
	w.told = "[" + strings.Join(all, " ") + "]"
	w.seen = append(w.seen, w.told)
}

// follow has a witness hear what an Instancer of the server's tells.
func follow(t *testing.T, s *apiServer, opts ...Option) (*Instancer, *witness) {
	t.Helper()
	w := &witness{}
	i, err := NewInstancer("stock", append([]Option{WithServer(s.URL), WithServiceAccount(s.account), WithLogger(w), WithTimeout(5 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	ch, quit, ended := make(chan muxendpoint.InstancesEvent), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case ev := <-ch:
				w.note(ev)
			case <-quit:
				return
			}
		}
	}()
	i.RegisterInstances(ch)
	t.Cleanup(func() {
		i.DeregisterInstances(ch)
		close(quit)
		bounded.Receive(t, ended)
		bounded.Wait(t, i.Stop)
	})
	return i, w
}

// sees waits for a list, or for an error after it: [list]!text.
func (w *witness) sees(t *testing.T, want string) {
	t.Helper()
	list, fault, failed := strings.Cut(want, "!")
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		w.mu.Lock()
		got := w.told
		w.mu.Unlock()
		if l, f, bad := strings.Cut(got, "!"); l == list && bad == failed && strings.Contains(f, fault) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it tells %s, want %s", got, want)
		}
	}
}
