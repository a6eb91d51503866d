package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"log/slog"
	"strings"

	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/endpoint/kitauth"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// What a call carries through all services beside its request: the id by which its lines are
// found in all logs, and the token of the customer for whom it is made.
const (
	requestIDName = "request-id"
	tokenName     = "authorization"
	bearer        = "Bearer "
)

type requestIDKey struct{}

func withRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// maxRequestID bounds what a caller may have written into all logs.
const maxRequestID = 64

// takeCarried is a server's: what came with the request is in the context. A call that has no id
// gets one here.
func takeCarried(ctx context.Context, request *muxtransport.Message) context.Context {
	id := request.Get(requestIDName)
	if id == "" || len(id) > maxRequestID {
		id = rand.Text()
	}
	if token, ok := strings.CutPrefix(request.Get(tokenName), bearer); ok {
		ctx = context.WithValue(ctx, jwt.JWTContextKey, token)
	}
	return withRequestID(ctx, id)
}

// sendCarried is a client's: what is in the context goes with the request.
func sendCarried(ctx context.Context, request *muxtransport.Message) context.Context {
	request.Set(requestIDName, requestID(ctx))
	if token, ok := ctx.Value(jwt.JWTContextKey).(string); ok {
		request.Set(tokenName, bearer+token)
	}
	return ctx
}

// admit lets in calls of one service, which its certificate names, for customers, whom a token
// names that was signed by the owner of key.
func admit(caller string, key crypto.PublicKey) []endpoint.Middleware {
	known := func(*jwtlib.Token) (any, error) { return key, nil }
	claims := func() jwtlib.Claims { return &jwtlib.RegisteredClaims{} }
	return []endpoint.Middleware{
		onlyFrom(hostOf(caller)),
		kitauth.Parser(known, jwtlib.SigningMethodEdDSA, claims), // a bad token is its caller's fault
	}
}

func onlyFrom(identity string) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if peer, ok := muxtransport.PeerOf(ctx); !ok || peer.Identity() != identity {
				return nil, &muxtransport.Error{Code: verdict.CodePermissionDenied, Message: "only " + identity + " may call this"}
			}
			return next(ctx, request)
		}
	}
}

// withIDs adds the id of the request to the lines of a log.
type withIDs struct{ slog.Handler }

func (h withIDs) Handle(ctx context.Context, line slog.Record) error {
	if id := requestID(ctx); id != "" {
		line.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, line)
}

func (h withIDs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withIDs{h.Handler.WithAttrs(attrs)}
}

func (h withIDs) WithGroup(name string) slog.Handler { return withIDs{h.Handler.WithGroup(name)} }
