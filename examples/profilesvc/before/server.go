package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-kit/kit/endpoint"
	kittransport "github.com/go-kit/kit/transport"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/examples/profilesvc"
)

// newHandler serves the endpoints.
func newHandler(e profilesvc.Endpoints, logger log.Logger) http.Handler {
	options := []kithttp.ServerOption{
		kithttp.ServerErrorHandler(kittransport.NewLogErrorHandler(logger)),
		kithttp.ServerErrorEncoder(encodeError),
		kithttp.ServerBefore(takeRequestID),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /profiles/{$}", kithttp.NewServer(e.PostProfileEndpoint, decodePost, encodeResponse, options...))
	mux.Handle("GET /profiles/{id}", kithttp.NewServer(e.GetProfileEndpoint, decodeGet, encodeResponse, options...))
	mux.Handle("PUT /profiles/{id}", kithttp.NewServer(e.PutProfileEndpoint, decodePut, encodeResponse, options...))
	mux.Handle("DELETE /profiles/{id}", kithttp.NewServer(e.DeleteProfileEndpoint, decodeDelete, encodeResponse, options...))
	return mux
}

func takeRequestID(ctx context.Context, r *http.Request) context.Context {
	return profilesvc.WithRequestID(ctx, r.Header.Get("X-Request-Id"))
}

func decodePost(_ context.Context, r *http.Request) (any, error) {
	var request profilesvc.PostProfileRequest
	err := decodeBody(r, &request.Profile)
	return request, err
}

func decodeGet(_ context.Context, r *http.Request) (any, error) {
	return profilesvc.GetProfileRequest{ID: r.PathValue("id")}, nil
}

func decodePut(_ context.Context, r *http.Request) (any, error) {
	request := profilesvc.PutProfileRequest{ID: r.PathValue("id")}
	err := decodeBody(r, &request.Profile)
	return request, err
}

func decodeDelete(_ context.Context, r *http.Request) (any, error) {
	return profilesvc.DeleteProfileRequest{ID: r.PathValue("id")}, nil
}

// errBadRequest: the body is not what it should be.
var errBadRequest = errors.New("bad request")

func decodeBody(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return errors.Join(errBadRequest, err)
	}
	return nil
}

// encodeResponse makes a status of what the service said.
func encodeResponse(_ context.Context, w http.ResponseWriter, response any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if f, ok := response.(endpoint.Failer); ok && f.Failed() != nil {
		w.WriteHeader(statusOf(f.Failed()))
	}
	return json.NewEncoder(w).Encode(response)
}

// encodeError does so for what the service did not say.
func encodeError(_ context.Context, err error, w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(statusOf(err))
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, profilesvc.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, profilesvc.ErrAlreadyExists):
		return http.StatusConflict
	case errors.Is(err, profilesvc.ErrInconsistentIDs):
		return http.StatusUnprocessableEntity
	case errors.Is(err, errBadRequest):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
