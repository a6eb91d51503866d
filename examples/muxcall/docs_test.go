package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

type stringRequest struct {
	S string `json:"s"`
}

type countResponse struct {
	V int `json:"v"`
}

type stringResponse struct {
	V string `json:"v"`
}

// stringsvc is a node with the methods of examples/stringsvc.
func stringsvc(t *testing.T) *node {
	t.Helper()
	n := serveNothing(t, native.Protocol{}, transport.ServiceDescribe())
	named := func(d transport.TypeDescription, name string) transport.TypeDescription {
		d.Type = name
		return d
	}
	n.Handle("stringsvc.Count", transport.NewServer(
		func(_ context.Context, r any) (any, error) { return countResponse{len(r.(stringRequest).S)}, nil },
		transport.DecodeJSON[stringRequest], transport.EncodeJSON, transport.ServerTypes(
			named(transport.JSONType[stringRequest](), "stringsvc.CountRequest"), named(transport.JSONType[countResponse](), "stringsvc.CountResponse"))))
	n.Handle("stringsvc.Uppercase", transport.NewServer(
		func(_ context.Context, r any) (any, error) {
			return stringResponse{strings.ToUpper(r.(stringRequest).S)}, nil
		},
		transport.DecodeJSON[stringRequest], transport.EncodeJSON))
	return n
}

// What docs/getting-started.md shows is what the commands print, but for the figures.
func TestDocumentedCommands(t *testing.T) {
	page, err := os.ReadFile("../../docs/getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "\n```\n$ muxcall list ")
	shown, _, ok := strings.Cut("$ muxcall list "+shown, "\n```\n")
	if !ok {
		t.Fatal("the page has no commands")
	}
	n := stringsvc(t)
	figures := regexp.MustCompile(`[0-9.]+(µs|ms|s|/s)\b|^[0-9]+ calls|: [0-9]+ answered`)
	for _, block := range strings.Split(shown, "\n$ ") {
		line, want, _ := strings.Cut(strings.TrimPrefix(block, "$ "), "\n")
		words := regexp.MustCompile(`'[^']*'|[^ ]+`).FindAllString(line, -1)
		for i := range words {
			words[i] = strings.ReplaceAll(strings.Trim(words[i], "'"), "127.0.0.1:8080", n.address)
		}
		for i, word := range words {
			switch word {
			case "-timeout": // a machine may stand still for longer
				words[i+1] = "1h"
			case "-duration":
				words[i+1] = "100ms"
			}
		}
		var out bytes.Buffer
		code := run(t.Context(), words[1:], streams{out: &out, err: &out})
		got := strings.TrimSuffix(strings.ReplaceAll(out.String(), n.address, "127.0.0.1:8080"), "\n")
		plain := func(s string) string {
			lines := strings.Split(s, "\n")
			for i := range lines {
				lines[i] = strings.Join(strings.Fields(figures.ReplaceAllString(lines[i], "#")), " ")
			}
			return strings.Join(lines, "\n")
		}
		if strings.Contains(want, "\n  hint ") != (code != exitOK) || plain(got) != plain(want) {
			t.Errorf("$ %s\nexit code %d, it prints\n%s\nthe page shows\n%s", line, code, got, want)
		}
	}
}

// The picture of top is that of the golden page, at 80 columns.
func TestDocumentedTop(t *testing.T) {
	page, err := os.ReadFile("../../docs/getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("../../endpoint/admin/testdata/page.json")
	if err != nil {
		t.Fatal(err)
	}
	var p adminPage
	if err := json.Unmarshal(golden, &p); err != nil {
		t.Fatal(err)
	}
	p.Time = p.Time.In(time.UTC)
	lines := (&board{url: "127.0.0.1:6060/debug/mux", time: p.Time, rows: p.rows()}).lines(80)
	if picture := strings.Join(lines[1:], "\n"); !strings.Contains(string(page), picture) {
		t.Errorf("the page does not show\n%s", picture)
	}
}
