package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The memory has the latest spans, and the file all.
func TestSpans(t *testing.T) {
	name := filepath.Join(t.TempDir(), "spans")
	s, err := newSpans(name)
	if err != nil {
		t.Fatal(err)
	}
	tracers := s.provider(stock)
	const more = 7
	first := ""
	for i := range keepSpans + more {
		_, span := tracers.Tracer("t").Start(t.Context(), fmt.Sprint("span ", i))
		if span.End(); i == more {
			first = span.SpanContext().TraceID().String()
		}
		if i%100 == 0 { // of what the processor's queue has no room for some is lost
			if err := tracers.ForceFlush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tracers.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if n := strings.Count(string(text), `"Name":"span `); err != nil || n != keepSpans+more {
		t.Errorf("%v, and %d spans in the file", err, n)
	}
	shown := func(path string) (lines []spanLine) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if err := json.Unmarshal(w.Body.Bytes(), &lines); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	all := shown("/debug/spans")
	if len(all) != keepSpans || all[0].Name != fmt.Sprint("span ", more) || all[keepSpans-1].Name != fmt.Sprint("span ", keepSpans+more-1) {
		t.Errorf("%d spans, from %s to %s", len(all), all[0].Name, all[len(all)-1].Name)
	}
	if of := shown("/debug/spans?trace=" + first); len(of) != 1 || of[0] != all[0] {
		t.Errorf("of the first trace: %v", of)
	}
	if of := shown("/debug/spans?trace=none"); len(of) != 0 {
		t.Errorf("of no trace: %v", of)
	}
}
