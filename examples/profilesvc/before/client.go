package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/examples/profilesvc"
)

// newClient returns a Service whose calls go to the nodes in turn.
func newClient(nodes []string, _ log.Logger) (profilesvc.Service, func(), error) {
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	targets := make([]*url.URL, len(nodes))
	for i, node := range nodes {
		target, err := url.Parse("http://" + node)
		if err != nil {
			return nil, nil, err
		}
		targets[i] = target
	}
	method := func(verb string, attempts int, enc kithttp.EncodeRequestFunc) endpoint.Endpoint {
		var endpoints sd.FixedEndpointer
		for _, target := range targets {
			endpoints = append(endpoints, kithttp.NewClient(verb, target, enc, decodeResponse,
				kithttp.SetClient(client), kithttp.ClientBefore(sendRequestID)).Endpoint())
		}
		return lb.Retry(attempts, 3*time.Second, lb.NewRoundRobin(endpoints))
	}
	return profilesvc.Endpoints{
		PostProfileEndpoint:   method("POST", 1, encodePost), // Retry repeats whatever failed: that it may have run, too
		GetProfileEndpoint:    method("GET", 3, encodeGet),
		PutProfileEndpoint:    method("PUT", 3, encodePut),
		DeleteProfileEndpoint: method("DELETE", 1, encodeDelete),
	}, client.CloseIdleConnections, nil
}

func sendRequestID(ctx context.Context, r *http.Request) context.Context {
	r.Header.Set("X-Request-Id", profilesvc.RequestID(ctx))
	return ctx
}

func encodePost(_ context.Context, r *http.Request, request any) error {
	r.URL.Path = "/profiles/"
	return encodeBody(r, request.(profilesvc.PostProfileRequest).Profile)
}

func encodeGet(_ context.Context, r *http.Request, request any) error {
	setID(r, request.(profilesvc.GetProfileRequest).ID)
	return nil
}

func encodePut(_ context.Context, r *http.Request, request any) error {
	setID(r, request.(profilesvc.PutProfileRequest).ID)
	return encodeBody(r, request.(profilesvc.PutProfileRequest).Profile)
}

func encodeDelete(_ context.Context, r *http.Request, request any) error {
	setID(r, request.(profilesvc.DeleteProfileRequest).ID)
	return nil
}

func setID(r *http.Request, id string) {
	r.URL.Path, r.URL.RawPath = "/profiles/"+id, "/profiles/"+url.PathEscape(id)
}

func encodeBody(r *http.Request, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.ContentLength, r.Body = int64(len(b)), io.NopCloser(bytes.NewReader(b))
	return nil
}

// decodeResponse reads an answer of the service. What else there is, of a proxy or of encodeError,
// is an error.
func decodeResponse(_ context.Context, r *http.Response) (any, error) {
	switch r.StatusCode {
	case http.StatusOK, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
	default:
		return nil, fmt.Errorf("the server says %s", r.Status)
	}
	var response profilesvc.Response
	err := json.NewDecoder(r.Body).Decode(&response)
	return response, err
}
