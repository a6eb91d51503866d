package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http/httptest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
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

func ExampleService_Stats() {
	s := transport.NewService(native.Protocol{}, transport.ServiceMaxBytes(0, 64<<20))
	s.Handle("Sum", transport.NewServer(sum, transport.DecodeJSON[sumRequest], transport.EncodeJSON))
	stats := s.Stats()
	fmt.Println("calls", stats.InFlight, "of", stats.Limits.MaxInFlight)
	fmt.Println("bytes", stats.Bytes, "of", stats.Limits.MaxBytes)
	fmt.Println("Sum", stats.Methods["Sum"].OK, "refused for want of bytes", stats.Refused.Bytes)
	// Output:
	// calls 0 of 65536
	// bytes 0 of 67108864
	// Sum 0 refused for want of bytes 0
}
