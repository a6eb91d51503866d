package debug

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// Pool is what is looked at: *muxpool.Multiplexed is one.
type Pool interface {
	Stats() muxpool.Stats
	Subscribe(func(muxpool.Event)) (cancel func())
}

// HandlerOption changes what a Handler shows.
type HandlerOption func(*handler)

// WithRecorder shows the recorder's events as well.
func WithRecorder(r *Recorder) HandlerOption {
	return func(h *handler) { h.recorder = r }
}

// Handler shows the state of the pool at the time of each request, as text or,
// asked with ?format=json or an Accept header that names application/json
// first, as JSON (a Page). It answers GET and HEAD. It is safe for concurrent
// use, also after the pool's Close.
func Handler(pool Pool, opts ...HandlerOption) http.Handler {
	h := &handler{pool: pool}
	for _, opt := range opts {
		opt(h)
	}
	return h
}

type handler struct {
	pool     Pool
	recorder *Recorder // nil: no events
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this page can only be read", http.StatusMethodNotAllowed)
		return
	}
	var body bytes.Buffer
	var kind string
	switch format := wanted(r); format {
	case "json":
		kind = "application/json"
		out := json.NewEncoder(&body)
		out.SetIndent("", "  ")
		_ = out.Encode(h.page()) // a Page has nothing that cannot be encoded
	case "text":
		kind = "text/plain; charset=utf-8"
		h.page().writeText(&body)
	default:
		http.Error(w, "format is json or text", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body.Bytes()) // who asked may be gone
}

func (h *handler) page() Page {
	p := NewPage(h.pool.Stats(), time.Now())
	if h.recorder != nil {
		p.Events = h.recorder.Events()
	}
	return p
}

// wanted is the format that a request asks for: by its parameter, else by the
// first media type that it accepts and the handler has, else text.
func wanted(r *http.Request) string {
	if format := r.URL.Query().Get("format"); format != "" {
		return format
	}
	for accept := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, _, _ := strings.Cut(accept, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "application/json":
			return "json"
		case "text/plain", "text/html", "text/*", "*/*":
			return "text"
		}
	}
	return "text"
}
