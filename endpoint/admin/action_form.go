package admin

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/muxkit/muxkit/internal/text"
)

//go:embed action.html
var actionLayout string

var actionTemplate = template.Must(template.New("action").Parse(actionLayout))

// Href is the query of the page on which something can be done to a node.
func (s subject) Href() template.URL {
	return template.URL("?" + url.Values{"act": {s.part}, "name": {s.name}, "node": {s.node}}.Encode())
}

// actionPage is the page of one node: what there is to be done, and what that does.
type actionPage struct {
	Style   template.CSS
	Time    string
	About   subject
	Title   string
	Says    [][2]string // the row of the table, by its head
	Actions []offer
}

type offer struct {
	Name, Label, Tells string
	Leaves             string // the Set that is left without a node; empty: none
}

// Part, Group and Node are the fields of the form.
func (s subject) Part() string  { return s.part }
func (s subject) Group() string { return s.name }
func (s subject) Node() string  { return s.node }

// serveAction writes the page of a node.
func (h *Handler) serveAction(w http.ResponseWriter, to subject) {
	now := time.Now()
	p := h.page(now)
	shown := actionPage{Style: template.CSS(style), Time: p.Time.Format(time.RFC3339), About: to, Title: to.String()}
	for _, t := range p.tables() {
		for i := range t.Rows {
			if t.Rows[i].About != to {
				continue
			}
			for j, cell := range t.Rows[i].Cells {
				if cell != "" {
					shown.Says = append(shown.Says, [2]string{t.Head[j], cell})
				}
			}
		}
	}
	for i := range actions {
		a := &actions[i]
		if a.part != to.part {
			continue
		}
		if _, no := h.find(a, to, nil); no != nil {
			http.Error(w, no.text, no.status)
			return
		}
		shown.Actions = append(shown.Actions, offer{a.name, a.label, a.tells, h.leavesNone(a, to)})
	}
	if len(shown.Actions) == 0 {
		http.Error(w, fmt.Sprintf("act is %s or %s, not %s", ofSet, ofBreakers, text.Quoted(to.part, 32)), http.StatusBadRequest)
		return
	}
	var body bytes.Buffer
	if err := actionTemplate.Execute(&body, shown); err != nil {
		http.Error(w, "the page cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", asHTML.contentType())
	_, _ = w.Write(body.Bytes())
}

// maxForm bounds, in bytes, what a form may send.
const maxForm = 8 << 10

// crossOrigin refuses what other sites have a browser send: by Sec-Fetch-Site, or by Origin and Host.
var crossOrigin = http.NewCrossOriginProtection()

// serveForm does what a form asks for, and sends the browser back to the page.
func (h *Handler) serveForm(w http.ResponseWriter, r *http.Request) {
	a, to, anyway, no := h.asked(w, r)
	if no == nil {
		no = h.act(a, to, r.RemoteAddr, anyway, time.Now())
	}
	if no != nil {
		http.Error(w, no.text, no.status)
		return
	}
	h.acting.log(a, to, r.RemoteAddr)
	w.Header().Set("Location", "?") // the page, wherever a router has it
	w.WriteHeader(http.StatusSeeOther)
	_, _ = fmt.Fprintf(w, "done: %s %s\n", a.name, to)
}

// asked reads a form.
func (h *Handler) asked(w http.ResponseWriter, r *http.Request) (a *action, to subject, anyway bool, no *refusal) {
	if err := crossOrigin.Check(r); err != nil {
		return nil, to, false, refused4xx(http.StatusForbidden, "an action must come from the page itself")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, to, false, refused4xx(http.StatusUnsupportedMediaType, "an action is a form: application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, to, false, refused4xx(http.StatusBadRequest, "an action is in the body, not in the query")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return nil, to, false, refused4xx(http.StatusRequestEntityTooLarge, "the form has more than %d bytes", maxForm)
	}
	form, bad := url.ParseQuery(string(body))
	if err != nil || bad != nil {
		return nil, to, false, refused4xx(http.StatusBadRequest, "the form cannot be read")
	}
	for name, values := range form {
		if len(values) != 1 {
			return nil, to, false, refused4xx(http.StatusBadRequest, "%s is given %d times", text.Quoted(name, 32), len(values))
		}
		switch value := values[0]; name {
		case "action":
			if a = actionOf(value); a == nil {
				return nil, to, false, refused4xx(http.StatusBadRequest, "there is no action %s", text.Quoted(value, 32))
			}
		case "name":
			to.name = value
		case "node":
			to.node = value
		case "anyway":
			if anyway = value == "yes"; !anyway {
				return nil, to, false, refused4xx(http.StatusBadRequest, "anyway is yes, not %s", text.Quoted(value, 32))
			}
		default:
			return nil, to, false, refused4xx(http.StatusBadRequest, "a form has action, name, node and anyway, and no %s", text.Quoted(name, 32))
		}
	}
	if a == nil || to.node == "" {
		return nil, to, false, refused4xx(http.StatusBadRequest, "a form names an action and a node")
	}
	to.part = a.part
	return a, to, anyway, nil
}

func actionOf(name string) *action {
	for i := range actions {
		if actions[i].name == name {
			return &actions[i]
		}
	}
	return nil
}
