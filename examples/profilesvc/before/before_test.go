package main

import (
	"context"
	"errors"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/examples/profilesvc"
	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/internal/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestErrorsOfThePage: what the page says of go-kit's HTTP transport.
func TestErrorsOfThePage(t *testing.T) {
	said := pages.Table(t, "../../../docs/from-gokit-http.md", "| what goes wrong |")
	for what, c := range map[string]struct {
		endpoint endpoint.Endpoint
		ask      func(ctx context.Context, s *httptest.Server) error
	}{
		"the service says no":           {get(profilesvc.Response{Err: profilesvc.ErrNotFound.Error()}, nil), service},
		"the endpoint returns an error": {get(nil, errors.New("disk full")), service},
		"the endpoint panics":           {func(context.Context, any) (any, error) { panic("index out of range") }, service},
		"the caller's time ends": {func(ctx context.Context, _ any) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
			func(ctx context.Context, s *httptest.Server) error {
				ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				return service(ctx, s)
			}},
		"the request is no JSON": {nil, func(ctx context.Context, s *httptest.Server) error {
			return raw(ctx, s, "PUT", "/profiles/ann", "{")
		}},
		"there is no such method": {nil, func(ctx context.Context, s *httptest.Server) error {
			return raw(ctx, s, "GET", "/nowhere", "")
		}},
		"nobody listens": {nil, func(ctx context.Context, _ *httptest.Server) error {
			return serviceAt(ctx, peertest.Nobody(t))
		}},
	} {
		t.Run(what, func(t *testing.T) {
			s := httptest.NewUnstartedServer(newHandler(profilesvc.Endpoints{
				PostProfileEndpoint: c.endpoint, GetProfileEndpoint: c.endpoint, PutProfileEndpoint: c.endpoint, DeleteProfileEndpoint: c.endpoint},
				log.NewNopLogger()))
			s.Config.ErrorLog = stdlog.New(io.Discard, "", 0) // of the panic
			s.Start()
			defer s.Close()
			row := said[what]
			if row == nil {
				t.Fatal("the page has no such row")
			}
			want := strings.Trim(row[1], "`")
			if err := c.ask(t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, not %s", err, want)
			}
		})
	}
}

func get(response any, err error) endpoint.Endpoint {
	return func(context.Context, any) (any, error) { return response, err }
}

// service asks for a profile as a user does.
func service(ctx context.Context, s *httptest.Server) error {
	return serviceAt(ctx, s.Listener.Addr().String())
}

func serviceAt(ctx context.Context, address string) error {
	client, end, err := newClient([]string{address}, log.NewNopLogger())
	if err != nil {
		return err
	}
	defer end()
	_, err = client.GetProfile(ctx, "ann")
	return err
}

// raw asks as no client of ours does.
func raw(ctx context.Context, s *httptest.Server, verb, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, verb, s.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return errors.New(answer.Status)
}
