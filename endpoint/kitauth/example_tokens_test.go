package kitauth_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	kithttp "github.com/go-kit/kit/transport/http"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/endpoint/kitauth"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

var secret = []byte("secret")

func key(*jwtlib.Token) (any, error) { return secret, nil }

// sign makes calls with ann's token.
func sign() endpoint.Middleware {
	return jwt.NewSigner("1", secret, jwtlib.SigningMethodHS256, jwtlib.MapClaims{"sub": "ann"})
}

// whoami says for whom it was called.
func whoami(ctx context.Context, _ any) (any, error) {
	return ctx.Value(jwt.JWTClaimsContextKey).(jwtlib.MapClaims)["sub"], nil
}

func serveHTTP() *kithttp.Server {
	return kithttp.NewServer(jwt.NewParser(key, jwtlib.SigningMethodHS256, jwt.MapClaimsFactory)(whoami),
		kithttp.NopRequestDecoder, kithttp.EncodeJSONResponse, kithttp.ServerBefore(jwt.HTTPToContext()))
}

func callHTTP(target *url.URL) endpoint.Endpoint {
	return sign()(kithttp.NewClient("GET", target, kithttp.EncodeJSONRequest, status,
		kithttp.ClientBefore(jwt.ContextToHTTP())).Endpoint())
}

func serve() *muxtransport.Server {
	return muxtransport.NewServer(whoami, muxtransport.NopRequestDecoder, muxtransport.EncodeJSON,
		muxtransport.ServerBefore(kitauth.MetadataToContext()),
		muxtransport.ServerMiddleware(kitauth.Parser(key, jwtlib.SigningMethodHS256, jwt.MapClaimsFactory)))
}

func call(pool muxpool.Pool, node muxtransport.Node) endpoint.Endpoint {
	return sign()(muxtransport.NewClient(pool, node, native.Protocol{}, "WhoAmI",
		muxtransport.EncodeJSON, muxtransport.DecodeJSON[string],
		muxtransport.ClientBefore(kitauth.ContextToMetadata())).Endpoint())
}

func status(_ context.Context, r *http.Response) (any, error) { return r.StatusCode, nil }

// A service whose callers have tokens, over go-kit's HTTP transport and over muxkit.
func Example() {
	web := httptest.NewServer(serveHTTP())
	defer web.Close()
	target, err := url.Parse(web.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(callHTTP(target)(context.Background(), nil))

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := muxtransport.NewService(native.Protocol{})
	s.Handle("WhoAmI", serve())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	defer func() { s.Close(); <-ended }()
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	node := muxtransport.Node{Network: "tcp", Address: l.Addr().String()}
	fmt.Println(call(pool, node)(context.Background(), nil))

	unsigned := muxtransport.NewClient(pool, node, native.Protocol{}, "WhoAmI", muxtransport.EncodeJSON, muxtransport.DecodeJSON[string])
	_, err = unsigned.Endpoint()(context.Background(), nil)
	fmt.Println(verdict.Of(err))
	// Output:
	// 200 <nil>
	// ann <nil>
	// unauthenticated: caller, refused
}
