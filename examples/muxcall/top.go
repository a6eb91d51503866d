package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/transport"
)

// top shows the nodes of an admin page, again and again.
type top struct {
	target   // of which it has the flags for TLS and -H
	interval time.Duration
	n        int
	page     *url.URL
	http     *http.Client
}

func (t *top) flags(fs *flag.FlagSet) {
	t.tlsFlags(fs)
	t.sends(fs)
	durationVar(fs, &t.interval, "interval", 2*time.Second)
	fs.IntVar(&t.n, "n", 0, "")
}

// maxPage bounds the JSON of a page, in bytes.
const maxPage = 32 << 20

// runTop is muxcall top: on a terminal it redraws, elsewhere it writes one picture behind
// the other, until it is interrupted.
func runTop(ctx context.Context, args []string, s streams) (int, error) {
	t := new(top)
	fs := newFlags(t)
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if err := operands(fs.Args(), 1, 1, "URL of an admin page"); err != nil {
		return 0, err
	}
	if err := t.settle(fs.Arg(0)); err != nil {
		return 0, err
	}
	t.warn(s)
	defer t.http.CloseIdleConnections()
	screen := newScreen(s)
	defer screen.close()
	var last *board
	for i := 1; ; i++ {
		b, err := t.fetch(ctx)
		switch {
		case ctx.Err() != nil:
			return exitInterrupted, nil
		case err != nil && last == nil:
			screen.close()
			s.say("%s", text.Said(err.Error(), maxText))
			return exitOfPage(err), nil
		case err != nil:
			b = &board{url: last.url, time: last.time, rows: last.rows, stale: text.Said(err.Error(), maxText)}
		}
		if err := screen.draw(b); err != nil {
			return exitUnknown, &outputError{err}
		}
		if i == t.n {
			return exitOK, nil
		}
		last = b
		select {
		case <-time.After(t.interval):
		case <-ctx.Done():
			return exitInterrupted, nil
		}
	}
}

// settle checks the command line.
func (t *top) settle(page string) (err error) {
	switch {
	case t.interval < 100*time.Millisecond || t.interval > time.Hour:
		return misused("-interval=%v is not within 100ms to 1h", t.interval)
	case t.n < 0:
		return misused("-n=%d is negative", t.n)
	case t.timeout <= 0:
		return misused("-timeout=%v is not over 0", t.timeout)
	}
	if !strings.Contains(page, "://") {
		page = "http://" + page
	}
	t.page, err = url.Parse(page)
	if err != nil || t.page.Host == "" || t.page.Scheme != "http" && t.page.Scheme != "https" {
		return misused("URL %q is not that of a page, as http://127.0.0.1:6060/debug/mux is", page)
	}
	query := t.page.Query()
	query.Set("format", "json")
	t.page.RawQuery = query.Encode()
	t.node = transport.Node{Network: "tcp", Address: t.page.Host}
	if t.tlsConfig, err = t.loadTLS(); err != nil {
		return err
	}
	if t.tlsConfig != nil && t.page.Scheme != "https" {
		return misused("-tls: URL %q is not https", page)
	}
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.TLSClientConfig = t.tlsConfig
	t.http = &http.Client{Timeout: t.timeout, Transport: own}
	return nil
}

// pageError is a page that answers, and is none of an admin page.
type pageError struct{ text string }

func (e *pageError) Error() string { return e.text }

// fetch reads the page.
func (t *top) fetch(ctx context.Context) (*board, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.page.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, value := range t.metadata {
		r.Header.Set(name, value)
	}
	answer, err := t.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPage+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxPage:
		return nil, &pageError{fmt.Sprintf("%s: the page has over %d MiB", t.page.Redacted(), maxPage>>20)}
	case answer.StatusCode != http.StatusOK:
		line, _, _ := strings.Cut(string(body), "\n")
		return nil, &pageError{fmt.Sprintf("%s: %s: %s", t.page.Redacted(), answer.Status, text.Quoted(line, 200))}
	}
	var p adminPage
	if err := json.Unmarshal(body, &p); err != nil || p.Time.IsZero() {
		return nil, &pageError{fmt.Sprintf("%s is no admin page (endpoint/admin): it begins with %s", t.page.Redacted(), text.Quoted(string(body), 60))}
	}
	return &board{url: t.page.Host + t.page.Path, time: p.Time, rows: p.rows()}, nil
}

// exitOfPage is the exit code of a page that could not be read at all.
func exitOfPage(err error) int {
	var bad *pageError
	var certificate *tls.CertificateVerificationError
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(err, &bad):
		return exitRefused
	case errors.As(err, &certificate):
		return exitUnsent
	case errors.As(err, &slow) && slow.Timeout():
		return exitTimeout
	}
	return exitUnsent
}
