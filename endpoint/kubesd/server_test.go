package kubesd

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// apiServer plays the API server's part: a list in pages, and watches that a test speaks on. What it says on them becomes
// part of the list.
type apiServer struct {
	*httptest.Server
	account string // the folder of a service account that it knows
	t       *testing.T

	mu       sync.Mutex
	token    string
	list     string   // what it answers
	pages    []string // if not nil, instead: each but the last with a "continue"
	refuse   func(watch bool) (code int, body string)
	lists    int              // that were whole
	looks    int              // that were of metadata alone
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
		if s.pages != nil {
			n := 0
			fmt.Sscanf(q.Get("continue"), "page-%d", &n)
			body = s.pages[n]
		}
		if strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") {
			s.looks++
			body = metadataOf(body)
		} else {
			s.lists++
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
			s.with(func() { s.list = after(s.list, line) })
			fmt.Fprintln(w, line)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// listed is a list, of which items may be anything.
type listed struct {
	Kind     string            `json:"kind"`
	Metadata map[string]string `json:"metadata"`
	Items    []json.RawMessage `json:"items"`
}

// metadataOf is what a server says of a list that is asked for metadata alone.
func metadataOf(list string) string {
	var l listed
	if json.Unmarshal([]byte(list), &l) != nil {
		return list
	}
	l.Kind = "PartialObjectMetadataList"
	for i, item := range l.Items {
		var of struct {
			Metadata json.RawMessage `json:"metadata"`
		}
		if json.Unmarshal(item, &of) == nil {
			l.Items[i], _ = json.Marshal(of)
		}
	}
	text, _ := json.Marshal(l)
	return string(text)
}

// after is a list after an event, if that is one.
func after(list, event string) string {
	var l listed
	var ev struct {
		Type   string
		Object json.RawMessage
	}
	var of struct{ Metadata objectMeta }
	if json.Unmarshal([]byte(list), &l) != nil || json.Unmarshal([]byte(event), &ev) != nil || json.Unmarshal(ev.Object, &of) != nil || of.Metadata.ResourceVersion == "" {
		return list
	}
	l.Metadata["resourceVersion"] = of.Metadata.ResourceVersion
	if of.Metadata.Name != "" {
		l.Items = slices.DeleteFunc(l.Items, func(item json.RawMessage) bool {
			var known struct{ Metadata objectMeta }
			return json.Unmarshal(item, &known) == nil && known.Metadata.Name == of.Metadata.Name
		})
		if ev.Type != "DELETED" {
			l.Items = append(l.Items, ev.Object)
		}
	}
	text, _ := json.Marshal(l)
	return string(text)
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

func listOf(version string, all ...string) string {
	return `{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":{"resourceVersion":"` + version + `"},"items":[` + strings.Join(all, ",") + `]}`
}

// follow has a witness hear what an Instancer of the server's tells.
func follow(t *testing.T, s *apiServer, opts ...Option) (*Instancer, *discoverytest.Witness) {
	t.Helper()
	i, err := NewInstancer("stock", append([]Option{WithServer(s.URL), WithServiceAccount(s.account), WithTimeout(5 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bounded.Wait(t, i.Stop) })
	return i, discoverytest.Watch(t, i, func(in muxendpoint.Instance) string {
		text := in.Address
		for _, more := range []string{in.Zone, in.Labels["pod"]} {
			if more != "" {
				text += "/" + more
			}
		}
		return text
	})
}
