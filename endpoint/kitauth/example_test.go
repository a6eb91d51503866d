package kitauth_test

import (
	"context"
	"fmt"

	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	jwtlib "github.com/golang-jwt/jwt/v4"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// Rules of a service's own, for who keeps go-kit's parser.
func Example_rules() {
	sum := func(_ context.Context, request any) (any, error) { return request, nil }
	guarded := ownRules(sum, muxtransport.DecodeBytes, muxtransport.EncodeBytes,
		func(*jwtlib.Token) (any, error) { return []byte("secret"), nil }, jwtlib.SigningMethodHS256, jwt.StandardClaimsFactory)
	fmt.Println(guarded != nil)
	// Output: true
}

func ownRules(sum endpoint.Endpoint, decode muxtransport.DecodeRequestFunc, encode muxtransport.EncodeResponseFunc,
	keys jwtlib.Keyfunc, method jwtlib.SigningMethod, claims jwt.ClaimsFactory) *muxtransport.Server {
	server := muxtransport.NewServer(sum, decode, encode, muxtransport.ServerMiddleware(
		muxendpoint.Judging(verdict.Is(jwt.ErrTokenExpired, verdict.CodeUnauthenticated)),
		jwt.NewParser(keys, method, claims)))
	return server
}
