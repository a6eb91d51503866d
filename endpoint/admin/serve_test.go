package admin

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// ask asks h, and returns the answer and its body.
func ask(t *testing.T, h http.Handler, method, target, accept string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func newHandler(t *testing.T, options ...Option) *Handler {
	t.Helper()
	h, err := New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func TestRequests(t *testing.T) {
	h := newHandler(t, WithService("stock", transport.NewService(native.Protocol{})))
	mux := http.NewServeMux()
	mux.Handle("/page", h)
	mux.Handle("GET example.com/tree/", h)
	mux.Handle("/exact/{$}", h)
	mux.Handle("/wild/{rest...}", h)
	mux.Handle("/cut/", http.StripPrefix("/cut", h))
	const html, text, json = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/json"
	for _, c := range []struct {
		method, target, accept string
		status                 int
		kind, holds            string
	}{
		{"GET", "/page", "", 200, html, "Service stock"},
		{"HEAD", "/page", "", 200, html, ""},
		{"GET", "/page", "*/*", 200, html, `http-equiv="refresh" content="5"`},
		{"GET", "/page", "text/html,application/xhtml+xml,application/json;q=0.9", 200, html, ""},
		{"GET", "/page", "image/png, Application/JSON; q=1", 200, json, `"name": "stock"`},
		{"GET", "/page", "text/plain", 200, text, "Service stock"},
		{"GET", "/page", "image/png", 200, html, ""},
		{"GET", "/page?format=html", "application/json", 200, html, ""},
		{"GET", "/page?format=json", "", 200, json, ""},
		{"GET", "/page?format=text&refresh=60", "", 200, text, ""},
		{"GET", "/page?refresh=60", "", 200, html, `http-equiv="refresh" content="60"`},
		{"GET", "/page?refresh=0", "", 200, html, "Refresh</a>"},
		{"GET", "/page?refresh=3600", "", 200, html, `http-equiv="refresh" content="3600"`},
		{"GET", "/page?refresh=3601", "", 400, text, "from 0 to 3600"},

		{"POST", "/page", "", 405, text, "can only be read"},
		{"DELETE", "/page?format=xml", "", 405, text, ""},
		{"BREW", "/page", "", 405, text, ""},

		{"GET", "/page?format=xml", "", 400, text, `not "xml"`},
		{"GET", "/page?format=", "", 400, text, "format"},
		{"GET", "/page?format=json&format=text", "", 400, text, "2 times"},
		{"GET", "/page?refresh=-1", "", 400, text, "refresh"},
		{"GET", "/page?refresh=3601", "", 400, text, "from 0 to 3600"},
		{"GET", "/page?refresh=1.5", "", 400, text, "refresh"},
		{"GET", "/page?refresh=99999999999999999999", "", 400, text, "refresh"},
		{"GET", "/page?refresh=" + strings.Repeat("9", 10_000), "", 400, text, `9"...`},
		{"GET", "/page?reset=1", "", 400, text, `no "reset"`},
		{"GET", "/page?%3Cscript%3E%0A=1", "", 400, text, `"<script>\n"`},
		{"GET", "/page?a=%zz", "", 400, text, "cannot be read"},
		{"GET", "/page?a;b", "", 400, text, "cannot be read"},

		{"GET", "/tree/", "", 200, html, ""},
		{"GET", "/tree/favicon.ico", "", 404, text, "not at this path"},
		{"GET", "/exact/", "", 200, html, ""},
		{"GET", "/wild/x", "", 404, text, ""},
		{"GET", "/cut/", "", 200, html, ""},
		{"GET", "/cut/x", "", 404, text, ""},
	} {
		resp, body := ask(t, mux, c.method, c.target, c.accept)
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != c.status || got != c.kind || !strings.Contains(body, c.holds) {
			t.Errorf("%s %.80s, Accept %q: %v, %q, %.300s; want %d, %q, %q", c.method, c.target, c.accept, resp.Status, got, body, c.status, c.kind, c.holds)
		}
		if len(body) > 1000 && c.status >= 400 {
			t.Errorf("%.80s: the error has %d bytes", c.target, len(body))
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Content-Security-Policy": policy(false), "Referrer-Policy": "same-origin", "Vary": "Accept"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s %.80s: %s is %q", c.method, c.target, name, got)
			}
		}
		if allow := resp.Header.Get("Allow"); (c.status == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s %.80s: Allow is %q", c.method, c.target, allow)
		}
	}
	for target, want := range map[string]int{"/": 200, "/favicon.ico": 404} { // no ServeMux
		if resp, _ := ask(t, h, "GET", target, ""); resp.StatusCode != want {
			t.Errorf("alone, %s: %v", target, resp.Status)
		}
	}
	if _, body := ask(t, mux, "GET", "/page?refresh=0", ""); strings.Contains(body, "http-equiv") {
		t.Errorf("refresh=0 refreshes:\n%s", body)
	}
}

// The browser takes the page's style, and nothing on the page is from elsewhere or runs.
func TestPolicyFitsThePage(t *testing.T) {
	_, body := ask(t, newHandler(t), "GET", "/", "")
	found := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
	if found == nil || !strings.Contains(policy(false), "'"+digest(found[1])+"'") || !strings.HasPrefix(policy(false), "default-src 'none'; ") || !strings.Contains(policy(false), "form-action 'none'") {
		t.Errorf("policy %s of\n%s", policy(false), body)
	}
	for _, no := range []string{"<script", "src=", "://", "style=", "onclick", "<form", "url("} {
		if strings.Contains(body, no) {
			t.Errorf("%q in\n%s", no, body)
		}
	}
}

// Of nothing there is a page too, also after Close.
func TestNothingToShow(t *testing.T) {
	h := newHandler(t, nil)
	for range 2 {
		_, body := ask(t, h, "GET", "/?format=json", "")
		var p map[string]any
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for _, list := range []string{"sets", "breakers", "pools", "services"} {
			if got, ok := p[list].([]any); !ok || len(got) != 0 {
				t.Errorf("%s are %v", list, p[list])
			}
		}
		h.Close()
	}
}
