package kitauth

import (
	"context"
	"strings"

	"github.com/go-kit/kit/auth/jwt"

	muxtransport "github.com/muxkit/muxkit/transport"
)

// Where a token is in a request's metadata, and what stands before it there.
const (
	tokenName = "authorization"
	bearer    = "Bearer "
)

// MetadataToContext is for transport.ServerBefore: the token that came with a request, in the
// metadata authorization: Bearer TOKEN, is in the context, where Parser looks for it. It is what
// jwt.HTTPToContext and jwt.GRPCToContext are to go-kit's transports.
func MetadataToContext() muxtransport.RequestFunc {
	return func(ctx context.Context, request *muxtransport.Message) context.Context {
		scheme, token, _ := strings.Cut(request.Get(tokenName), " ")
		if token == "" || !strings.EqualFold(scheme, strings.TrimSpace(bearer)) {
			return ctx
		}
		return context.WithValue(ctx, jwt.JWTContextKey, token)
	}
}

// ContextToMetadata is for transport.ClientBefore: the token that jwt.NewSigner or MetadataToContext
// put into the context goes with the request.
func ContextToMetadata() muxtransport.RequestFunc {
	return func(ctx context.Context, request *muxtransport.Message) context.Context {
		if token, ok := ctx.Value(jwt.JWTContextKey).(string); ok {
			request.Set(tokenName, bearer+token)
		}
		return ctx
	}
}
