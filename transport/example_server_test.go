package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http/httptest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

func ExampleServerBefore() {
	before := transport.ServerBefore(func(ctx context.Context, m *transport.Message) context.Context {
		fmt.Println("method", m.Method, "body", string(m.Body))
		return ctx
	})
	pool, node, stop := startSum([]transport.ServerOption{before})
	defer stop()
	fmt.Println(sumClient(pool, node).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output:
	// method Sum body {"A":1,"B":2}
	// {3} <nil>
}

func ExampleServerAfter() {
	after := transport.ServerAfter(func(ctx context.Context, m *transport.Message) context.Context {
		m.Set("cache", "no")
		return ctx
	})
	pool, node, stop := startSum([]transport.ServerOption{after})
	defer stop()
	c := sumClient(pool, node, transport.ClientAfter(func(ctx context.Context, m *transport.Message) context.Context {
		fmt.Println(m.Metadata)
		return ctx
	}))
	fmt.Println(c.Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output:
	// map[cache:no]
	// {3} <nil>
}

func ExampleServiceTLSConfig() {
	certs := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	defer certs.Close()
	pool, node, stop := startSum(nil, transport.ServiceTLSConfig(&tls.Config{Certificates: certs.TLS.Certificates}))
	defer stop()
	roots := x509.NewCertPool()
	roots.AddCert(certs.Certificate())
	c := sumClient(pool, node, transport.ClientGetOptions(func(o *muxpool.GetOptions) {
		o.WithTLSConfig(&tls.Config{RootCAs: roots})
	}))
	fmt.Println(c.Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}

func ExampleServiceWorkers() {
	pool, node, stop := startSum(nil, transport.ServiceWorkers(8))
	defer stop()
	fmt.Println(sumClient(pool, node).Endpoint()(context.Background(), sumRequest{1, 2}))
	// Output: {3} <nil>
}
