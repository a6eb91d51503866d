package kitauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	jwtlib "github.com/golang-jwt/jwt/v4"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// owner signs tokens, and has a key by which others know its own.
type owner struct {
	signs, verifies any
}

func owners(t *testing.T) map[jwtlib.SigningMethod][2]owner {
	t.Helper()
	of := func(key crypto.Signer, err error) owner {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return owner{key, key.Public()}
	}
	ed := func() owner {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return of(key, err)
	}
	ec := func() owner { return of(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
	rs := func() owner { return of(rsa.GenerateKey(rand.Reader, 2048)) }
	first, second := rs(), rs()
	return map[jwtlib.SigningMethod][2]owner{
		jwtlib.SigningMethodHS256: {{[]byte("a"), []byte("a")}, {[]byte("b"), []byte("b")}},
		jwtlib.SigningMethodRS256: {first, second},
		jwtlib.SigningMethodPS256: {first, second},
		jwtlib.SigningMethodES256: {ec(), ec()},
		jwtlib.SigningMethodEdDSA: {ed(), ed()},
	}
}

// Whatever is wrong with a token, whatever it was signed with, the caller is not authenticated; and
// what the endpoint says stays what it is, though a parser could have said it.
func TestTheParsersErrorsAreTheCallers(t *testing.T) {
	corrupt := base64.CorruptInputError(3)
	for method, of := range owners(t) {
		sign := func(by owner, claims jwtlib.Claims) string {
			t.Helper()
			text, err := jwtlib.NewWithClaims(method, claims).SignedString(by.signs)
			if err != nil {
				t.Fatal(method.Alg(), err)
			}
			return text
		}
		good := sign(of[0], jwtlib.RegisteredClaims{})
		payload := good[:strings.LastIndex(good, ".")+1]
		tokens := map[string]string{
			"another key":       sign(of[1], jwtlib.RegisteredClaims{}),
			"another payload":   sign(of[0], jwtlib.RegisteredClaims{Subject: "x"})[:len(payload)] + good[len(payload):],
			"no signature":      payload,
			"a short signature": good[:len(payload)+8],
			"expired":           sign(of[0], jwtlib.RegisteredClaims{ExpiresAt: jwtlib.NewNumericDate(time.Now().Add(-time.Hour))}),
			"not yet":           sign(of[0], jwtlib.RegisteredClaims{NotBefore: jwtlib.NewNumericDate(time.Now().Add(time.Hour))}),
			"no token":          "x.y.z",
			"alg none":          "eyJhbGciOiJub25lIn0.e30.",
			"an unknown alg":    "eyJhbGciOiJ4In0.e30.",
			"empty":             "",
			"a wrong claim":     sign(of[0], jwtlib.MapClaims{"exp": "soon"}),
		}
		key := func(*jwtlib.Token) (any, error) { return of[0].verifies, nil }
		claims := func() jwtlib.Claims { return &jwtlib.RegisteredClaims{} }
		parser := Parser(key, method, claims)
		rules := endpoint.Chain(muxendpoint.Judging(JWT()...), jwt.NewParser(key, method, claims))
		call := func(m endpoint.Middleware, token string, answer error) verdict.Verdict {
			ctx := context.WithValue(t.Context(), jwt.JWTContextKey, token)
			_, err := m(func(ctx context.Context, _ any) (any, error) {
				if ctx.Value(jwt.JWTClaimsContextKey) == nil {
					t.Error(method.Alg(), "the endpoint knows no claims")
				}
				return nil, answer
			})(ctx, nil)
			if answer != nil && !errors.Is(err, answer) {
				t.Errorf("%s: the endpoint's error is %v", method.Alg(), err)
			}
			return verdict.Of(err)
		}
		want := verdict.ByCode(verdict.CodeUnauthenticated)
		for name, token := range tokens {
			for with, m := range map[string]endpoint.Middleware{"Parser": parser, "the rules": rules} {
				if v := call(m, token, nil); v != want {
					t.Errorf("%s, %s, %s: %v", method.Alg(), with, name, v)
				}
			}
		}
		if v := call(parser, payload+"*", nil); v != want {
			t.Errorf("%s, no base64: %v", method.Alg(), v)
		}
		if _, err := parser(endpoint.Nop)(t.Context(), nil); verdict.Of(err) != want || !errors.Is(err, jwt.ErrTokenContextMissing) {
			t.Errorf("%s, no token: %v", method.Alg(), err)
		}
		if v := call(parser, good, nil); v != (verdict.Verdict{}) {
			t.Errorf("%s, a good token: %v", method.Alg(), v)
		}
		if v := call(parser, good, corrupt); v != verdict.Of(corrupt) {
			t.Errorf("%s, the endpoint's own error: %v", method.Alg(), v)
		}
	}
}

// What the service itself has got wrong is not its callers' fault.
func TestAKeyThatIsNotHadIsTheServicesFault(t *testing.T) {
	down := errors.New("the keys cannot be fetched")
	noSuchKey := verdict.Tell(errors.New("no such key"), verdict.ByCode(verdict.CodeUnauthenticated))
	for _, c := range []struct {
		key  any
		err  error
		want verdict.Verdict
	}{
		{nil, down, verdict.Of(down)},
		{nil, noSuchKey, verdict.ByCode(verdict.CodeUnauthenticated)},
		{nil, &jwtlib.ValidationError{Inner: down, Errors: jwtlib.ValidationErrorExpired}, verdict.Of(down)},
		{"no bytes", nil, verdict.ByCode(verdict.CodeInternal)},
	} {
		m := Parser(func(*jwtlib.Token) (any, error) { return c.key, c.err }, jwtlib.SigningMethodHS256, jwt.StandardClaimsFactory)
		ctx := context.WithValue(t.Context(), jwt.JWTContextKey, token(t, time.Now().Add(time.Hour), key))
		_, err := m(endpoint.Nop)(ctx, nil)
		if v := verdict.Of(err); err == nil || v != c.want || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%v, %v: %v, which is judged %v, want %v", c.key, c.err, err, v, c.want)
		}
	}
}
