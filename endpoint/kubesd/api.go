package kubesd

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/internal/discovery"
	"github.com/muxkit/muxkit/internal/text"
)

// errGone: the API server does not know the place any more at which a watch, or a list in pieces, was to go on.
var errGone = errors.New("410 Gone")

const (
	maxObject = 64 << 20 // bytes of one answer, or one event
	pageSize  = 100      // slices in one answer, of at most 1000 endpoints each
	maxText   = 256      // bytes of the server's words in an error
)

// How the API server is to tell of slices: whole, or their metadata alone, if it can.
const (
	whole    = "application/json"
	metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
)

// What the API says, as far as it is needed: discovery.k8s.io/v1.
type (
	objectMeta struct {
		Name            string `json:"name"`
		ResourceVersion string `json:"resourceVersion"`
		Continue        string `json:"continue"`
	}
	endpointSlice struct {
		Kind        string     `json:"kind"`
		Metadata    objectMeta `json:"metadata"`
		AddressType string     `json:"addressType"`
		Endpoints   []pod      `json:"endpoints"`
		Ports       []port     `json:"ports"`
		Code        int        `json:"code"`    // of a Status
		Message     string     `json:"message"` // likewise
	}
	pod struct {
		Addresses  []string `json:"addresses"`
		Conditions struct {
			Ready       *bool `json:"ready"`       // nil is to be taken as true
			Serving     *bool `json:"serving"`     // likewise
			Terminating *bool `json:"terminating"` // nil is to be taken as false
		} `json:"conditions"`
		Zone     string `json:"zone"`
		NodeName string `json:"nodeName"`
		Target   struct {
			Name string `json:"name"`
		} `json:"targetRef"`
		Hints struct {
			ForZones []struct {
				Name string `json:"name"`
			} `json:"forZones"`
		} `json:"hints"`
	}
	port struct {
		Name string `json:"name"`
		Port int    `json:"port"` // 0: all
	}
	sliceList struct {
		Metadata objectMeta      `json:"metadata"`
		Items    []endpointSlice `json:"items"`
	}
	watchEvent struct {
		Type   string        `json:"type"`
		Object endpointSlice `json:"object"`
	}
)

// api asks the API server. It belongs to one goroutine.
type api struct {
	cfg     config
	service string
	pem     []byte // the authority that client believes
	client  *http.Client
}

// get begins a request; the body is the caller's to close, if there is no error.
func (a *api) get(ctx context.Context, accept string, query url.Values) (*http.Response, error) {
	token, err := os.ReadFile(a.cfg.account + "/token")
	if err != nil {
		return nil, err
	}
	if err := a.believe(); err != nil {
		return nil, err
	}
	query.Set("labelSelector", "kubernetes.io/service-name="+a.service)
	at := a.cfg.server + "/apis/discovery.k8s.io/v1/namespaces/" + url.PathEscape(a.cfg.namespace) + "/endpointslices?" + query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	r.Header.Set("Accept", accept)
	r.Header.Set("User-Agent", "muxkit-kubesd")
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, withoutToken(err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	words, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	return nil, refusal(answer.StatusCode, words)
}

// withoutToken is an error of the client's without its long address.
func withoutToken(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// refusal is what an answer with another code says, in the words of its Status.
func refusal(code int, words []byte) error {
	var status endpointSlice
	if json.Unmarshal(words, &status) == nil && status.Message != "" {
		words = []byte(status.Message)
	}
	if code == http.StatusGone {
		return fmt.Errorf("%w: %s", errGone, text.Shown(string(words), maxText))
	}
	return fmt.Errorf("%d %s: %s", code, http.StatusText(code), text.Shown(string(words), maxText))
}

// believe makes the client, and another one when the authority is.
func (a *api) believe() error {
	pem, pool, err := a.cfg.authority()
	if err != nil {
		return err
	}
	if a.client != nil && bytes.Equal(pem, a.pem) {
		return nil
	}
	a.close()
	a.pem = pem
	a.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for nobody else
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: a.cfg.timeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: a.cfg.timeout, ForceAttemptHTTP2: true,
			HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		},
	}
	return nil
}

func (a *api) close() {
	if a.client != nil {
		a.client.CloseIdleConnections()
	}
}

// list asks for all slices, in pieces if there are many: as they are now, whatever a server behind others knows yet.
func (a *api) list(ctx context.Context, accept string) (all []endpointSlice, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.timeout)
	defer cancel()
	for next := ""; ; {
		query := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if next != "" {
			query.Set("continue", next)
		}
		answer, err := a.get(ctx, accept, query)
		if err != nil {
			return nil, "", err
		}
		var page sliceList
		err = json.NewDecoder(io.LimitReader(answer.Body, maxObject)).Decode(&page)
		answer.Body.Close()
		if err != nil {
			return nil, "", fmt.Errorf("a list that cannot be read: %w", err)
		}
		if page.Metadata.ResourceVersion == "" {
			return nil, "", errors.New("a list without resourceVersion")
		}
		all = append(all, page.Items...)
		if next = page.Metadata.Continue; next == "" {
			return all, page.Metadata.ResourceVersion, nil
		}
	}
}

// watch begins a watch, and calls event for each event until the server ends it, which is no error.
func (a *api) watch(ctx context.Context, version string, begun func(), event func(watchEvent) error) error {
	length := discovery.Jitter(watchTime, 2)
	ctx, cancel := context.WithTimeout(ctx, discovery.Sum(length, a.cfg.timeout)) // if the server forgets to end it
	defer cancel()
	slow := time.AfterFunc(a.cfg.timeout, cancel)
	answer, err := a.get(ctx, whole, url.Values{"watch": {"true"}, "resourceVersion": {version}, "allowWatchBookmarks": {"true"},
		"timeoutSeconds": {strconv.Itoa(int(length.Seconds()))}})
	if !slow.Stop() && err != nil {
		return fmt.Errorf("no answer in %v", a.cfg.timeout)
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	begun()
	body := &io.LimitedReader{R: answer.Body}
	for d := json.NewDecoder(body); ; {
		body.N = maxObject
		var ev watchEvent
		if err := d.Decode(&ev); err != nil {
			if err == io.EOF && body.N > 0 {
				return nil
			}
			return fmt.Errorf("watching: %w", err)
		}
		if err := event(ev); err != nil {
			return err
		}
	}
}
