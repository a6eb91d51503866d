package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/internal/text"
)

// ServeHTTP answers GET and HEAD with the page, and, with WithActions, POST with what was done. It is at the path by which a ServeMux found it,
// and nowhere below; behind another router, or on its own, it is at "/" (http.StripPrefix).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header(), h.acting != nil)
	acts := h.acting != nil && r.Method == http.MethodPost
	switch {
	case r.Method == http.MethodGet, r.Method == http.MethodHead, acts:
	case h.acting != nil:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "this page is read with GET, and acts on POST", http.StatusMethodNotAllowed)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this page can only be read", http.StatusMethodNotAllowed)
		return
	}
	if !here(r) {
		http.Error(w, "the page is not at this path", http.StatusNotFound)
		return
	}
	if acts {
		h.serveForm(w, r)
		return
	}
	v, err := h.wanted(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if v.about != (subject{}) {
		h.serveAction(w, v.about)
		return
	}
	p := h.page(time.Now())
	var body bytes.Buffer
	if err := p.write(&body, v); err != nil {
		http.Error(w, "the page cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", v.format.contentType())
	_, _ = w.Write(body.Bytes()) // who asked may be gone
}

// protect sets what keeps the page to who asked for it.
func protect(header http.Header, acts bool) {
	for name, value := range map[string]string{
		"Cache-Control":                "no-store",
		"Content-Security-Policy":      policy(acts),
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "same-origin", // with no-referrer, browsers hide the Origin of a form
		"Vary":                         "Accept",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	} {
		header.Set(name, value)
	}
}

// here reports whether a request is for the page's own path.
func here(r *http.Request) bool {
	pattern := strings.TrimSuffix(r.Pattern, "{$}")
	if i := strings.Index(pattern, "/"); i >= 0 {
		pattern = pattern[i:] // without method and host
	}
	return r.URL.Path == "" || r.URL.Path == "/" || pattern != "" && r.URL.Path == pattern
}

// format is how the page is written.
type format string

const (
	asHTML format = "html"
	asText format = "text"
	asJSON format = "json"
)

func (f format) contentType() string {
	switch f {
	case asJSON:
		return "application/json"
	case asText:
		return "text/plain; charset=utf-8"
	}
	return "text/html; charset=utf-8"
}

// view is what a request asks for.
type view struct {
	format  format
	refresh int // seconds; 0: the browser is not to come again
	acts    bool
	about   subject // the page of this node's actions; zero: the whole page
}

const (
	defaultRefresh = 5
	maxRefresh     = 3600
)

// wanted reads a request: what it names that there is not is an error.
func (h *Handler) wanted(r *http.Request) (view, error) {
	v := view{format: accepted(r), refresh: defaultRefresh, acts: h.acting != nil}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return v, errors.New("the query cannot be read")
	}
	for name, values := range query {
		if len(values) != 1 {
			return v, fmt.Errorf("%s is given %d times", text.Quoted(name, 32), len(values))
		}
		switch value := values[0]; {
		case v.acts && name == "act":
			v.about.part = value
		case v.acts && name == "name":
			v.about.name = value
		case v.acts && name == "node":
			v.about.node = value
		case name == "format":
			switch v.format = format(value); v.format {
			case asHTML, asText, asJSON:
			default:
				return v, fmt.Errorf("format is html, text or json, not %s", text.Quoted(value, 32))
			}
		case name == "refresh":
			v.refresh, err = strconv.Atoi(value)
			if err != nil || v.refresh < 0 || v.refresh > maxRefresh {
				return v, fmt.Errorf("refresh is from 0 to %d seconds, not %s", maxRefresh, text.Quoted(value, 32))
			}
		default:
			return v, fmt.Errorf("the page has format and refresh, and no %s", text.Quoted(name, 32))
		}
	}
	if v.about != (subject{}) && (query.Has("format") || query.Has("refresh")) {
		return v, errors.New("the page of a node has neither format nor refresh")
	}
	return v, nil
}

// accepted is the format of the first media type that the request accepts and the page has,
// else HTML.
func accepted(r *http.Request) format {
	for accept := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, _, _ := strings.Cut(accept, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "application/json":
			return asJSON
		case "text/plain":
			return asText
		case "text/html", "text/*", "*/*":
			return asHTML
		}
	}
	return asHTML
}

func (p *page) write(w *bytes.Buffer, v view) error {
	switch v.format {
	case asJSON:
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(p)
	case asText:
		p.writeText(w)
		return nil
	}
	return p.writeHTML(w, v)
}
