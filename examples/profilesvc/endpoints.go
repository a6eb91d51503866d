package profilesvc

import (
	"context"
	"errors"

	"github.com/go-kit/kit/endpoint"
)

// What the endpoints are asked, and what they answer.
type (
	PostProfileRequest struct {
		Profile Profile `json:"profile"`
	}
	GetProfileRequest struct {
		ID string `json:"id"`
	}
	PutProfileRequest struct {
		ID      string  `json:"id"`
		Profile Profile `json:"profile"`
	}
	DeleteProfileRequest struct {
		ID string `json:"id"`
	}
	Response struct {
		Profile Profile `json:"profile"`
		Err     string  `json:"err,omitempty"`
	}
)

// Failed implements endpoint.Failer: a no of the service is an answer. The caller gets the error
// that the service returned, by its text.
func (r Response) Failed() error {
	if r.Err == "" {
		return nil
	}
	for _, known := range []error{ErrInconsistentIDs, ErrAlreadyExists, ErrNotFound} {
		if r.Err == known.Error() {
			return known
		}
	}
	return errors.New(r.Err)
}

// Endpoints are the service as endpoints. A server is made of them; of those of a client they
// are a Service.
type Endpoints struct {
	PostProfileEndpoint   endpoint.Endpoint
	GetProfileEndpoint    endpoint.Endpoint
	PutProfileEndpoint    endpoint.Endpoint
	DeleteProfileEndpoint endpoint.Endpoint
}

// NewEndpoints returns the endpoints of a Service.
func NewEndpoints(s Service) Endpoints {
	return Endpoints{
		PostProfileEndpoint: func(ctx context.Context, request any) (any, error) {
			return answer(Profile{}, s.PostProfile(ctx, request.(PostProfileRequest).Profile))
		},
		GetProfileEndpoint: func(ctx context.Context, request any) (any, error) {
			return answer(s.GetProfile(ctx, request.(GetProfileRequest).ID))
		},
		PutProfileEndpoint: func(ctx context.Context, request any) (any, error) {
			r := request.(PutProfileRequest)
			return answer(Profile{}, s.PutProfile(ctx, r.ID, r.Profile))
		},
		DeleteProfileEndpoint: func(ctx context.Context, request any) (any, error) {
			return answer(Profile{}, s.DeleteProfile(ctx, request.(DeleteProfileRequest).ID))
		},
	}
}

func answer(p Profile, err error) (any, error) {
	if err != nil {
		return Response{Err: err.Error()}, nil
	}
	return Response{Profile: p}, nil
}

// Wrap returns the endpoints with a middleware around each.
func (e Endpoints) Wrap(mw func(method string) endpoint.Middleware) Endpoints {
	return Endpoints{
		PostProfileEndpoint:   mw("post")(e.PostProfileEndpoint),
		GetProfileEndpoint:    mw("get")(e.GetProfileEndpoint),
		PutProfileEndpoint:    mw("put")(e.PutProfileEndpoint),
		DeleteProfileEndpoint: mw("delete")(e.DeleteProfileEndpoint),
	}
}

// PostProfile implements Service, as the others below do.
func (e Endpoints) PostProfile(ctx context.Context, p Profile) error {
	_, err := call(ctx, e.PostProfileEndpoint, PostProfileRequest{p})
	return err
}

func (e Endpoints) GetProfile(ctx context.Context, id string) (Profile, error) {
	return call(ctx, e.GetProfileEndpoint, GetProfileRequest{id})
}

func (e Endpoints) PutProfile(ctx context.Context, id string, p Profile) error {
	_, err := call(ctx, e.PutProfileEndpoint, PutProfileRequest{id, p})
	return err
}

func (e Endpoints) DeleteProfile(ctx context.Context, id string) error {
	_, err := call(ctx, e.DeleteProfileEndpoint, DeleteProfileRequest{id})
	return err
}

func call(ctx context.Context, e endpoint.Endpoint, request any) (Profile, error) {
	response, err := e(ctx, request)
	if err != nil {
		return Profile{}, err
	}
	r := response.(Response)
	return r.Profile, r.Failed()
}
