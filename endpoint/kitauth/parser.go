package kitauth

import (
	"context"
	"errors"

	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// Parser is go-kit's jwt.NewParser, whose errors are judged: whatever it finds wrong with a
// token means that the caller is not authenticated. It is where the rules of JWT are not needed,
// and knows more than they can: a signature that is no base64 is an error that a handler's
// own code may return as well, and means something else there. An error of the
// endpoint stays what it is. Two kinds are not the caller's fault, and stay what they are, too:
//
//   - One of key, which may fail for reasons of its own. Where the token names a key that there is not, let it
//     return verdict.Tell(err, verdict.ByCode(verdict.CodeUnauthenticated)).
//   - One that says that key returns keys which method has no use for.
//
// The middleware is safe for concurrent use, as far as key and claims are.
func Parser(key jwtlib.Keyfunc, method jwtlib.SigningMethod, claims jwt.ClaimsFactory) endpoint.Middleware {
	marked := func(token *jwtlib.Token) (any, error) {
		k, err := key(token)
		if err != nil {
			return nil, keyError{err}
		}
		return k, nil
	}
	parse := jwt.NewParser(marked, method, claims)(func(ctx context.Context, _ any) (any, error) { return ctx, nil })
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			known, err := parse(ctx, request)
			if err != nil {
				return nil, judged(err)
			}
			return next(known.(context.Context), request)
		}
	}
}

// keyError is an error of the function that has the keys.
type keyError struct{ error }

func judged(err error) error {
	if of := (keyError{}); errors.As(err, &of) {
		return of.error
	}
	for _, misused := range []error{jwtlib.ErrInvalidKeyType, jwtlib.ErrInvalidKey, jwtlib.ErrHashUnavailable} {
		if errors.Is(err, misused) {
			return verdict.Tell(err, verdict.ByCode(verdict.CodeInternal))
		}
	}
	return verdict.Tell(err, verdict.ByCode(verdict.CodeUnauthenticated))
}
