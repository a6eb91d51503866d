package main

import (
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/examples/profilesvc"
	"github.com/muxkit/muxkit/internal/peertest"
)

// behindASet is the middle way: go-kit's HTTP client, for which a Set chooses the node.
func behindASet(set *muxendpoint.Set) endpoint.Endpoint {
	return set.EndpointFrom("profiles.Get", func(node string) (endpoint.Endpoint, io.Closer, error) {
		target, err := url.Parse("http://" + strings.TrimPrefix(node, "tcp://"))
		if err != nil {
			return nil, nil, err
		}
		return kithttp.NewClient("GET", target, encodeGet, decodeResponse).Endpoint(), nil, nil
	}, muxendpoint.WithSpec(muxendpoint.Spec{Idempotent: true}))
}

// TestBehindASet: of two nodes one is not there, and no call is lost.
func TestBehindASet(t *testing.T) {
	service := profilesvc.New()
	if err := service.PostProfile(t.Context(), profilesvc.Profile{ID: "ann", Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(newHandler(profilesvc.NewEndpoints(service), log.NewNopLogger()))
	defer s.Close()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	set := muxendpoint.NewSet(sd.FixedInstancer{peertest.Nobody(t), s.Listener.Addr().String()}, nil,
		muxendpoint.WithBreakers(breakers), muxendpoint.WithRetry(3, time.Minute), muxendpoint.WithPolicy(muxendpoint.RoundRobin))
	defer set.Close()
	get := behindASet(set)
	for range 20 {
		response, err := get(t.Context(), profilesvc.GetProfileRequest{ID: "ann"})
		if err != nil || response.(profilesvc.Response).Profile.Name != "Ann" {
			t.Errorf("got %v, %v", response, err)
		}
	}
}
