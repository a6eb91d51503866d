package interop

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	v1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// span is one that arrived at the collector.
type span struct {
	*v1.Span
	process string
}

// spans is a collector of OTLP over HTTP.
type spans struct {
	mu   sync.Mutex // guards all
	all  []span
	more chan struct{} // gets a token when some came
}

func startCollector(t *testing.T) (*spans, string) {
	s := &spans{more: make(chan struct{}, 1)}
	server := httptest.NewServer(http.HandlerFunc(s.take))
	t.Cleanup(server.Close)
	return s, server.Listener.Addr().String()
}

func (s *spans) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	for _, rs := range request.ResourceSpans {
		name := ""
		for _, kv := range rs.Resource.Attributes {
			if kv.Key == "service.name" {
				name = kv.Value.GetStringValue()
			}
		}
		for _, ss := range rs.ScopeSpans {
			for _, one := range ss.Spans {
				s.all = append(s.all, span{one, name})
			}
		}
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// tree draws the spans that came, those of one parent in the order of their begin: name,
// process, kind, and what keys say. Another trace is marked.
func (s *spans) tree(keys ...string) (drawn string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make(map[string]span)
	for _, one := range s.all {
		known[hex.EncodeToString(one.SpanId)] = one
	}
	children := make(map[string][]span)
	for _, one := range s.all {
		parent := hex.EncodeToString(one.ParentSpanId)
		if p, ok := known[parent]; !ok || string(p.TraceId) != string(one.TraceId) {
			parent = "root"
		}
		children[parent] = append(children[parent], one)
	}
	var b strings.Builder
	var draw func(of string, depth int)
	draw = func(of string, depth int) {
		below := children[of]
		sort.SliceStable(below, func(i, j int) bool { return below[i].StartTimeUnixNano < below[j].StartTimeUnixNano })
		for _, one := range below {
			kind := strings.ToLower(strings.TrimPrefix(one.Kind.String(), "SPAN_KIND_"))
			fmt.Fprintf(&b, "%s%s [%s, %s]", strings.Repeat("  ", depth), one.Name, one.process, kind)
			for _, key := range keys {
				for _, kv := range one.Attributes {
					if kv.Key == key {
						fmt.Fprintf(&b, " %s=%s", key[strings.LastIndex(key, ".")+1:], text(kv.Value))
					}
				}
			}
			b.WriteString("\n")
			draw(hex.EncodeToString(one.SpanId), depth+1)
		}
	}
	draw("root", 0)
	return b.String(), len(s.all)
}
