package consulsd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// script is the agent's part, in a bubble, with words that the real one cannot be brought to say when a test wants them; with the
// real one are the tests in interop. It is an http.RoundTripper.
type script struct {
	mu      sync.Mutex // guards what follows
	index   uint64
	nodes   []string // entries, in JSON
	changed chan struct{}
	spoil   func(r *http.Request) (*http.Response, error) // nil: none
	asked   []string                                      // method, path and query
	tokens  []string
}

func newScript() *script { return &script{changed: make(chan struct{})} }

// says is what there is from now on.
func (s *script) says(index uint64, nodes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index, s.nodes = index, nodes
	close(s.changed)
	s.changed = make(chan struct{})
}

// spoils has requests answered otherwise; those under way end.
func (s *script) spoils(with func(r *http.Request) (*http.Response, error)) {
	s.mu.Lock()
	s.spoil = with
	index, nodes := s.index, s.nodes
	s.mu.Unlock()
	s.says(index, nodes...)
}

// heard are the requests since the last look at them; only in a bubble.
func (s *script) heard() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	s.tokens = append(s.tokens, r.Header.Get("X-Consul-Token"))
	s.mu.Unlock()
	known, _ := strconv.ParseUint(r.URL.Query().Get("index"), 10, 64)
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	for end := time.Now().Add(wait); ; {
		s.mu.Lock()
		index, nodes, changed, spoil := s.index, s.nodes, s.changed, s.spoil
		s.mu.Unlock()
		if spoil != nil {
			return spoil(r)
		}
		if known != index || !time.Now().Before(end) {
			return said(200, "["+strings.Join(nodes, ",")+"]", "X-Consul-Index", fmt.Sprint(index)), nil
		}
		select {
		case <-changed:
		case <-time.After(time.Until(end)):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func said(code int, body string, header ...string) *http.Response {
	h := make(http.Header)
	for pair := range slices.Chunk(header, 2) {
		h.Set(pair[0], pair[1])
	}
	return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// silent answers nothing.
func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

var errDown = errors.New("connection refused")

func down(*http.Request) (*http.Response, error) { return nil, errDown }

// at is an entry that is well.
func at(host string) string {
	return fmt.Sprintf(`{"Node":{"Node":"m-%s","Address":"10.9.9.9"},"Service":{"ID":"stock","Address":%q,"Port":80,"Weights":{"Passing":1,"Warning":1}},"Checks":[{"Status":"passing"}]}`, host, host)
}

// witness has nodes by their hosts, and an error without what is the same in all.
type witness struct{ *discoverytest.BubbleWitness }

func (w witness) hears() string {
	return strings.ReplaceAll(w.Hears(), `!consul: service "stock": `, "!")
}

// follow has a witness hear what an Instancer tells of the script's agent.
func follow(t *testing.T, s *script, opts ...Option) (*Instancer, witness) {
	t.Helper()
	w := witness{discoverytest.NewBubbleWitness(func(in muxendpoint.Instance) string { return strings.TrimSuffix(in.Address, ":80") })}
	i, err := NewInstancer("stock", append([]Option{WithHTTPClient(&http.Client{Transport: s}), WithLogger(w)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	w.Watch(i)
	return i, w
}
