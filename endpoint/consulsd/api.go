package consulsd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/muxkit/muxkit/internal/discovery"
	"github.com/muxkit/muxkit/internal/text"
)

const (
	maxAnswer = 64 << 20 // bytes
	maxText   = 256      // bytes of Consul's words in an error
)

// newClient is one whose connections are its user's to close.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		CheckRedirect: noRedirect,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: timeout, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
		},
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// refusal is an answer that is none.
type refusal struct {
	code  int
	words string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%d %s: %s", r.code, http.StatusText(r.code), text.Shown(r.words, maxText))
}

// unknown reports whether the agent does not know what it was asked about.
func unknown(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == http.StatusNotFound
}

// reply is what the agent says.
type reply struct {
	body    []byte
	header  http.Header
	tokened bool // it was asked with a token
}

// do asks the agent. A body is sent as JSON; nil is none.
func (c *config) do(ctx context.Context, method, path string, query url.Values, body any) (reply, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		sent = bytes.NewReader(b)
	}
	at := c.address + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, at, sent)
	if err != nil {
		return reply{}, err
	}
	token, err := discovery.Run(ctx, c.tokenCode, c.token)
	if err != nil {
		return reply{}, err
	}
	if token != "" {
		r.Header.Set("X-Consul-Token", token)
	}
	r.Header.Set("User-Agent", "muxkit-consulsd")
	return discovery.Run(ctx, c.clientCode, func() (reply, error) { return c.exchange(r) })
}

// exchange sends a request and reads the answer.
func (c *config) exchange(r *http.Request) (said reply, err error) {
	said.tokened = r.Header.Get("X-Consul-Token") != ""
	answer, err := c.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without its long address
		}
		return said, err
	}
	defer answer.Body.Close()
	said.header = answer.Header
	said.body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case answer.StatusCode != http.StatusOK:
		return said, &refusal{answer.StatusCode, string(bytes.TrimSpace(said.body))}
	case err != nil:
		return said, fmt.Errorf("an answer that ends early: %w", err)
	case len(said.body) > maxAnswer:
		return said, fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return said, nil
}

// answer is what Consul says of a service.
type answer struct {
	entries  []json.RawMessage
	index    uint64 // at least 1
	filtered bool   // there may be more, which the token may not read
}

var (
	// errHidden: no entry is left of those that the token may read.
	errHidden = errors.New("the token may not read it, or its nodes (X-Consul-Results-Filtered-By-ACLs)")

	// errAnonymous: Consul does not tell those without a token that there are entries which they may not read.
	errAnonymous = errors.New("no entries, but it was asked without a token, where Consul denies what it does not allow (X-Consul-Default-Acl-Policy)")
)

// health asks for the service's nodes: for what there is, or, with an index, for what is there when that is another, or
// when the time of WithWait is over.
func (c *config) health(ctx context.Context, service string, index uint64, wait time.Duration) (a answer, err error) {
	query := url.Values{}
	if c.datacenter != "" {
		query.Set("dc", c.datacenter)
	}
	if !c.warning {
		query.Set("passing", "true")
	}
	for _, tag := range c.tags {
		query.Add("tag", tag)
	}
	if index > 0 {
		query.Set("index", strconv.FormatUint(index, 10))
		query.Set("wait", strconv.FormatInt(wait.Milliseconds(), 10)+"ms")
	}
	said, err := c.do(ctx, http.MethodGet, "/v1/health/service/"+url.PathEscape(service), query, nil)
	if err != nil {
		return a, err
	}
	return readAnswer(said)
}

func readAnswer(said reply) (a answer, err error) {
	index := said.header.Get("X-Consul-Index")
	if a.index, err = strconv.ParseUint(index, 10, 64); err != nil || a.index == 0 {
		return a, fmt.Errorf("an answer whose X-Consul-Index is %.64q: is that Consul?", index)
	}
	if err := json.Unmarshal(said.body, &a.entries); err != nil {
		return a, fmt.Errorf("an answer that cannot be read: %w", err)
	}
	a.filtered = said.header.Get("X-Consul-Results-Filtered-By-ACLs") == "true"
	switch {
	case len(a.entries) > 0:
	case a.filtered:
		return a, errHidden
	case !said.tokened && said.header.Get("X-Consul-Default-Acl-Policy") == "deny":
		return a, errAnonymous
	}
	return a, nil
}

// definition is a service as an agent takes it, and, but for the check, tells it.
type definition struct {
	ID      string
	Service string `json:",omitempty"` // as it is told
	Name    string `json:",omitempty"` // as it is taken
	Tags    []string
	Address string
	Port    int
	Meta    map[string]string
	Weights weights
	Check   *check `json:",omitempty"`
}

type weights struct{ Passing, Warning int }

type check struct {
	CheckID, Name, TTL, Status     string
	DeregisterCriticalServiceAfter string
}

// registered is the agent's service of an id, nil if there is none.
func (c *config) registered(ctx context.Context, id string) (*definition, error) {
	said, err := c.do(ctx, http.MethodGet, "/v1/agent/service/"+url.PathEscape(id), nil, nil)
	if unknown(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := new(definition)
	if err := json.Unmarshal(said.body, d); err != nil {
		return nil, fmt.Errorf("an answer that cannot be read: %w", err)
	}
	return d, nil
}

func (c *config) register(ctx context.Context, d definition) error {
	_, err := c.do(ctx, http.MethodPut, "/v1/agent/service/register", nil, d) // other checks stay, such as that of maintenance
	return err
}

func (c *config) deregister(ctx context.Context, id string) error {
	_, err := c.do(ctx, http.MethodPut, "/v1/agent/service/deregister/"+url.PathEscape(id), nil, nil)
	return err
}

// pass says that a check is well.
func (c *config) pass(ctx context.Context, check string) error {
	_, err := c.do(ctx, http.MethodPut, "/v1/agent/check/pass/"+url.PathEscape(check), nil, nil)
	return err
}
