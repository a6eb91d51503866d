// Package kitauth says what the errors of go-kit's auth/jwt mean, by the extension
// point for errors of other packages: a bad token is its caller's fault. The rules are
// lines that a service may as well write itself; this is a module of its own, so
// that the root module does not require a JWT library.
//
//	server := muxtransport.NewServer(sum, decode, encode, muxtransport.ServerMiddleware(
//		kitauth.Parser(keys, method, claims)))
//
// is jwt.NewParser with them; JWT has the rules for who keeps that one.
//
// go-kit's auth/basic needs no rule: its AuthError has a StatusCode, 401.
package kitauth

import (
	"crypto/rsa"
	"errors"
	"slices"

	"github.com/go-kit/kit/auth/jwt"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// JWT are the rules for go-kit's auth/jwt, and for the errors of the library beneath
// it that it passes on: all mean that the caller is not authenticated. One is left out, that of a
// signature that is no base64: see Parser.
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

// unfit are what the signing methods say of a signature that does not fit: each has a word
// of its own, which go-kit passes on bare.
var unfit = []error{jwtlib.ErrSignatureInvalid, rsa.ErrVerification, jwtlib.ErrECDSAVerification, jwtlib.ErrEd25519Verification}

// invalid knows what the JWT library itself says of a token.
func invalid(err error) (verdict.Verdict, bool) {
	var v *jwtlib.ValidationError
	known := errors.As(err, &v) || slices.ContainsFunc(unfit, func(of error) bool { return errors.Is(err, of) })
	return verdict.ByCode(verdict.CodeUnauthenticated), known
}
