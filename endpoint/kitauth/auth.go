// Package kitauth says what the errors of go-kit's auth/jwt mean, by the extension
// point for errors of other packages: a bad token is its caller's fault. The rules are
// lines that a service may as well write itself; this is a module of its own, so
// that the root module does not require a JWT library.
//
//	server := muxtransport.NewServer(sum, decode, encode, muxtransport.ServerMiddleware(
//		muxendpoint.Judging(kitauth.JWT()...), jwt.NewParser(keys, method, claims)))
//
// go-kit's auth/basic needs no rule: its AuthError has a StatusCode, 401.
package kitauth

import (
	"errors"

	"github.com/go-kit/kit/auth/jwt"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// JWT are the rules for go-kit's auth/jwt, and for the errors of the library beneath
// it that it passes on: all mean that the caller is not authenticated.
func JWT() []verdict.Rule {
	return []verdict.Rule{
		verdict.Is(jwt.ErrTokenContextMissing, verdict.CodeUnauthenticated),
		verdict.Is(jwt.ErrTokenInvalid, verdict.CodeUnauthenticated),
		verdict.Is(jwt.ErrTokenExpired, verdict.CodeUnauthenticated),
		verdict.Is(jwt.ErrTokenMalformed, verdict.CodeUnauthenticated),
		verdict.Is(jwt.ErrTokenNotActive, verdict.CodeUnauthenticated),
		verdict.Is(jwt.ErrUnexpectedSigningMethod, verdict.CodeUnauthenticated),
		invalid,
	}
}

// invalid knows what the JWT library itself says of a token, such as a signature that
// does not fit.
func invalid(err error) (verdict.Verdict, bool) {
	var v *jwtlib.ValidationError
	known := errors.As(err, &v) || errors.Is(err, jwtlib.ErrSignatureInvalid)
	return verdict.ByCode(verdict.CodeUnauthenticated), known
}
