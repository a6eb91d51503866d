package kitauth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-kit/kit/auth/basic"
	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	jwtlib "github.com/golang-jwt/jwt/v4"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

const waitTime = 20 * time.Second

var key = []byte("secret")

func token(t *testing.T, expires time.Time, key []byte) string {
	t.Helper()
	text, err := jwtlib.NewWithClaims(jwtlib.SigningMethodHS256, jwtlib.RegisteredClaims{ExpiresAt: jwtlib.NewNumericDate(expires)}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// serve starts a Service whose method is guarded by go-kit's auth/jwt.
func serve(t *testing.T) (address string) {
	t.Helper()
	parser := jwt.NewParser(func(*jwtlib.Token) (any, error) { return key, nil }, jwtlib.SigningMethodHS256, jwt.StandardClaimsFactory)
	fromMetadata := muxtransport.ServerBefore(func(ctx context.Context, m *muxtransport.Message) context.Context {
		if text, ok := m.Metadata["authorization"]; ok {
			ctx = context.WithValue(ctx, jwt.JWTContextKey, text)
		}
		return ctx
	})
	echo := func(_ context.Context, r any) (any, error) { return r, nil }
	s := muxtransport.NewService(native.Protocol{})
	s.Handle("Echo", muxtransport.NewServer(echo, muxtransport.DecodeBytes, muxtransport.EncodeBytes, fromMetadata,
		muxtransport.ServerMiddleware(muxendpoint.Judging(JWT()...), parser)))
	return peertest.Serve(t, s, "127.0.0.1:0", muxtransport.ErrServiceClosed)
}

type tokenKey struct{}

// One caller's expired, forged and missing tokens shut nobody else out, however many
// they are: no breaker opens, nothing is tried again.
func TestBadTokensShutNobodyOut(t *testing.T) {
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	defer breakers.Watch(pool)()
	set := muxendpoint.NewSet(sd.FixedInstancer{serve(t)}, nil, muxendpoint.WithBreakers(breakers),
		muxendpoint.WithRetry(3, 0), muxendpoint.WithIdempotent(muxendpoint.Always))
	defer set.Close()
	call := set.Endpoint("Echo", func(n muxtransport.Node) *muxtransport.Client {
		return muxtransport.NewClient(pool, n, native.Protocol{}, "Echo", muxtransport.EncodeBytes, muxtransport.DecodeBytes,
			muxtransport.ClientBefore(func(ctx context.Context, m *muxtransport.Message) context.Context {
				if text, ok := ctx.Value(tokenKey{}).(string); ok {
					m.Set("authorization", text)
				}
				return ctx
			}))
	})
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	with := func(text string) error {
		_, err := call(context.WithValue(ctx, tokenKey{}, text), []byte("x"))
		return err
	}
	good := token(t, time.Now().Add(time.Hour), key)
	for name, bad := range map[string]string{
		"expired": token(t, time.Now().Add(-time.Hour), key),
		"forged":  token(t, time.Now().Add(time.Hour), []byte("another secret")),
		"garbage": "x.y.z",
		"empty":   "",
	} {
		for range 20 {
			err := with(bad)
			v := verdict.Of(err)
			if v.Code != verdict.CodeUnauthenticated || v.CountsAgainst() != verdict.Nobody || !v.Definitive() {
				t.Fatalf("%s: %v is judged %v", name, err, v)
			}
			var e *muxendpoint.RetryError
			if errors.As(err, &e) && len(e.Attempts) != 1 {
				t.Errorf("%s: %d attempts", name, len(e.Attempts))
			}
			if err := with(good); err != nil {
				t.Fatalf("a good token after one that was %s: %v", name, err)
			}
		}
	}
	if _, err := call(ctx, []byte("x")); verdict.Of(err).Code != verdict.CodeUnauthenticated {
		t.Errorf("no token: %v", err)
	}
	status := breakers.Status()
	if len(status) == 0 {
		t.Error("the breakers know no node")
	}
	for _, st := range status {
		if st.State != breaker.Closed || st.Ejections > 0 {
			t.Errorf("%+v", st)
		}
	}
}

// go-kit's auth/basic says itself what its error is.
func TestBasicAuthNeedsNoRule(t *testing.T) {
	ep := basic.AuthMiddleware("user", "password", "realm")(endpoint.Nop)
	if _, err := ep(t.Context(), nil); verdict.Of(err) != verdict.ByCode(verdict.CodeUnauthenticated) {
		t.Errorf("%v is judged %v", err, verdict.Of(err))
	}
}
