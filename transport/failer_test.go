package transport_test

import (
	"context"
	"errors"
	"testing"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// stock is a response of the business, which may have failed.
type stock struct {
	Left int    `json:"left"`
	Err  string `json:"err,omitempty"`
}

func (s stock) Failed() error {
	if s.Err == "" {
		return nil
	}
	return errors.New(s.Err)
}

var _ endpoint.Failer = stock{}

func TestFailerTravelsApartFromTransportErrors(t *testing.T) {
	answer := stock{Left: 3, Err: "no stock"}
	server := transport.NewServer(func(context.Context, any) (any, error) { return answer, nil },
		transport.NopRequestDecoder, transport.EncodeJSON)
	bare := transport.NewServer(func(context.Context, any) (any, error) { return answer, nil },
		transport.NopRequestDecoder, func(context.Context, *transport.Message, any) error { return nil })
	s := serve(t, map[string]*transport.Server{"Whole": server, "Bare": bare})
	pool := newPool(t)
	client := func(method string, dec transport.DecodeResponseFunc) endpoint.Endpoint {
		return transport.NewClient(pool, s.node, native.Protocol{}, method, transport.EncodeJSON, dec).Endpoint()
	}

	// The response says itself that it failed: no error of the endpoint, so that
	// breakers and retries leave it alone.
	got, err := client("Whole", transport.DecodeJSON[stock])(testContext(t), nil)
	if err != nil || got != answer {
		t.Errorf("got %v, %v", got, err)
	}
	// The response type cannot say it, or there is no body: an *Error of the business.
	for method, dec := range map[string]transport.DecodeResponseFunc{
		"Whole": transport.DecodeJSON[map[string]any], "Bare": transport.DecodeJSON[stock],
	} {
		got, err = client(method, dec)(testContext(t), nil)
		if e := asError(t, err); got != nil || e.Code != transport.CodeBusiness || !e.Business() || e.Message != "no stock" || !e.Sent() {
			t.Errorf("%s: got %v, %v", method, got, err)
		}
	}
}

// refusing is a response that has failed with an error of any kind.
type refusing struct{ err error }

func (r refusing) Failed() error { return r.err }

// TestNumbersOfFailedResponses: what the business says of its no arrives, whatever it was said in.
func TestNumbersOfFailedResponses(t *testing.T) {
	var response refusing
	s := serve(t, map[string]*transport.Server{"M": transport.NewServer(func(context.Context, any) (any, error) { return response, nil },
		transport.NopRequestDecoder, func(context.Context, *transport.Message, any) error { return nil })})
	call := rawClient(newPool(t), s.node, "M")
	for _, row := range []struct {
		err     error
		status  int
		message string
	}{
		{errors.New("no"), 0, "no"},
		{numbered(418), 418, "numbered"},
		{transport.Business(5, "none left"), 5, "none left"},
		{&transport.Error{Code: transport.CodeNotFound, Status: 6, Message: "gone"}, 6, "not found (status 6): gone"},
		{verdictError{}, 0, "not now"},
	} {
		response.err = row.err
		_, err := call(testContext(t), []byte{})
		if e := asError(t, err); !e.Business() || e.Status != row.status || e.Message != row.message {
			t.Errorf("%v arrives as %+v, want the status %d and %q", row.err, e, row.status, row.message)
		}
	}
}
