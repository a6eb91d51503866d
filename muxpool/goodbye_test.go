package muxpool_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestTLSSaysGoodbye: the alert that tells an end from a cut is the last record of a connection
// that ends in good order, and of no other.
func TestTLSSaysGoodbye(t *testing.T) {
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue("peer")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		end  func(*muxpool.Multiplexed) error
		want bool
	}{
		"shutdown": {func(pool *muxpool.Multiplexed) error { return pool.Shutdown(context.Background()) }, true},
		"close":    {(*muxpool.Multiplexed).Close, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var records bytes.Buffer // that the peer got
				ended := make(chan struct{})
				dial := func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					server := tls.Server(overheard{theirs, &records}, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
					go func() {
						defer close(ended)
						_, _ = io.Copy(io.Discard, server)
					}()
					return ours, nil
				}
				pool, err := muxpool.New(append([]muxpool.PoolOption{muxpool.WithDialContext(dial)}, world.OneConn...)...)
				if err != nil {
					t.Fatal(err)
				}
				opts := muxpool.NewGetOptions()
				opts.WithFrameParser(muxtest.Parser{})
				opts.WithTLSConfig(&tls.Config{RootCAs: ca.Pool(), ServerName: "peer"})
				mc, err := pool.GetMuxConn(t.Context(), "tcp", "peer:1", opts)
				if err != nil {
					t.Fatal(err)
				}
				mc.Close()
				if err := c.end(pool); err != nil {
					t.Error(err)
				}
				bounded.Receive(t, ended)
				const alert = 21
				if last := lastRecord(records.Bytes()); (last == alert) != c.want {
					t.Errorf("the last record of TLS is of type %d", last)
				}
			})
		})
	}
}

// overheard is a connection of which is kept what is read.
type overheard struct {
	net.Conn
	read *bytes.Buffer
}

func (o overheard) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	o.read.Write(p[:n])
	return n, err
}

// lastRecord is the type of the last record of TLS.
func lastRecord(b []byte) (kind byte) {
	for len(b) > 0 {
		kind = b[0]
		b = b[5+binary.BigEndian.Uint16(b[3:]):]
	}
	return kind
}
