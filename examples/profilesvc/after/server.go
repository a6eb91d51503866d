package main

import (
	"context"

	kittransport "github.com/go-kit/kit/transport"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/examples/profilesvc"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// newService serves the endpoints.
func newService(e profilesvc.Endpoints, logger log.Logger) *muxtransport.Service {
	s := muxtransport.NewService(native.Protocol{},
		muxtransport.ServiceErrorHandler(kittransport.NewLogErrorHandler(logger)),
		muxtransport.ServiceDescribe()) // muxcall list, for whoever can connect
	before := muxtransport.ServerBefore(takeRequestID)
	s.Handle("profiles.Post", muxtransport.NewServer(e.PostProfileEndpoint, muxtransport.DecodeJSON[profilesvc.PostProfileRequest], muxtransport.EncodeJSON, before))
	s.Handle("profiles.Get", muxtransport.NewServer(e.GetProfileEndpoint, muxtransport.DecodeJSON[profilesvc.GetProfileRequest], muxtransport.EncodeJSON, before))
	s.Handle("profiles.Put", muxtransport.NewServer(e.PutProfileEndpoint, muxtransport.DecodeJSON[profilesvc.PutProfileRequest], muxtransport.EncodeJSON, before))
	s.Handle("profiles.Delete", muxtransport.NewServer(e.DeleteProfileEndpoint, muxtransport.DecodeJSON[profilesvc.DeleteProfileRequest], muxtransport.EncodeJSON, before))
	return s
}

func takeRequestID(ctx context.Context, m *muxtransport.Message) context.Context {
	return profilesvc.WithRequestID(ctx, m.Get("request-id"))
}
