package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/examples/profilesvc"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestErrorsOfThePage: what the page says of muxkit.
func TestErrorsOfThePage(t *testing.T) {
	said := pages.Table(t, "../../../docs/from-gokit-http.md", "| what goes wrong |")
	for what, c := range map[string]struct {
		endpoint endpoint.Endpoint
		method   string
		body     string
	}{
		"the service says no":           {endpoint: get(profilesvc.Response{Err: profilesvc.ErrNotFound.Error()}, nil)},
		"the endpoint returns an error": {endpoint: get(nil, errors.New("disk full"))},
		"the endpoint panics":           {endpoint: func(context.Context, any) (any, error) { panic("index out of range") }},
		"the caller's time ends":        {endpoint: func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() }},
		"the request is no JSON":        {endpoint: get(nil, nil), body: "{"},
		"there is no such method":       {endpoint: get(nil, nil), method: "profiles.Nowhere"},
		"nobody listens":                {endpoint: get(nil, nil)},
	} {
		t.Run(what, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := newService(profilesvc.Endpoints{PostProfileEndpoint: c.endpoint, GetProfileEndpoint: c.endpoint,
				PutProfileEndpoint: c.endpoint, DeleteProfileEndpoint: c.endpoint}, log.NewNopLogger())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(l) }()
			defer func() { s.Close(); bounded.Receive(t, ended) }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			address := l.Addr().String()
			if what == "nobody listens" {
				address = peertest.Nobody(t)
			}
			row := said[what]
			if row == nil {
				t.Fatal("the page has no such row")
			}
			if what == "the caller's time ends" {
				peertest.Late(ctx, func(ctx context.Context) bool {
					err = ask(ctx, address, c.method, c.body)
					return verdict.Of(err).Ran == verdict.Maybe
				})
			} else {
				err = ask(ctx, address, c.method, c.body)
			}
			if got := outcome(err); got != row[2] {
				t.Errorf("%s, not %s", got, row[2])
			}
		})
	}
}

func get(response any, err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return response, err }
}

// outcome is what the page says of the end of a call.
func outcome(err error) string {
	if errors.Is(err, profilesvc.ErrNotFound) {
		return "an answer"
	}
	v := verdict.Of(err)
	return fmt.Sprintf("%s, %s, %s", v.Code, v.Whose, v.Ran)
}

// ask makes a call whose body may be no JSON, and returns what came of it.
func ask(ctx context.Context, address, method, body string) error {
	pool, err := muxpool.New()
	if err != nil {
		return err
	}
	defer pool.Close()
	if method == "" {
		method = "profiles.Get"
	}
	if body == "" {
		body = `{"id":"ann"}`
	}
	answer, err := muxtransport.NewClient(pool, muxtransport.Node{Network: "tcp", Address: address}, native.Protocol{}, method,
		muxtransport.EncodeBytes, muxtransport.DecodeJSON[profilesvc.Response]).Endpoint()(ctx, []byte(body))
	if err != nil {
		return err
	}
	return answer.(profilesvc.Response).Failed()
}
