package admin

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"time"
)

//go:embed page.html
var layout string

//go:embed page.css
var style string

// policy allows the page its style, and its forms, if it has any, to itself, and nothing else.
func policy(acts bool) string {
	forms := "'none'"
	if acts {
		forms = "'self'"
	}
	return "default-src 'none'; style-src '" + digest(style) + "'; base-uri 'none'; form-action " + forms + "; frame-ancestors 'none'"
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

var pageTemplate = template.Must(template.New("page").Parse(layout))

// writeHTML writes the tables for browsers.
func (p *page) writeHTML(w io.Writer, v view) error {
	return pageTemplate.Execute(w, struct {
		Style   template.CSS
		Time    string
		Refresh int
		Alarms  []string
		Well    string
		Orders  []string
		Acts    bool // rows link what can be done
		Tables  []table
	}{template.CSS(style), p.Time.Format(time.RFC3339), v.refresh, p.alarms(), allWell, p.orders(), v.acts, p.tables()})
}
