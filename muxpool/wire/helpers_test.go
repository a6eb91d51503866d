package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
)

// A flusher that outlives its work would be found here.
func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// transports are the kinds of connections that a Writer is tested on.
var transports = []string{"tcp", "unix", "pipe", "tls", "tls alone"}

// pair returns both ends of a connection, closed at the end of the test.
func pair(t testing.TB, transport string) (a, b net.Conn) {
	t.Helper()
	switch transport {
	case "pipe":
		a, b = net.Pipe()
	case "tls": // as pool and server make it
		a, b = socketPair(t, "tcp")
		a, b = tlsPair(t, BeneathTLS(a), BeneathTLS(b))
	case "tls alone": // as a listener, or a dialer, may do by itself
		a, b = socketPair(t, "tcp")
		a, b = tlsPair(t, a, b)
	default:
		a, b = socketPair(t, transport)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func socketPair(t testing.TB, network string) (a, b net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		var err error
		b, err = l.Accept()
		accepted <- err
	}()
	a, err = net.Dial(network, l.Addr().String())
	if err := errors.Join(err, bounded.Receive(t, accepted)); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// tlsPair puts TLS on a connection and shakes hands.
func tlsPair(t testing.TB, a, b net.Conn) (client, server *tls.Conn) {
	t.Helper()
	cert := certificate()
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	client = tls.Client(a, &tls.Config{RootCAs: roots, ServerName: "wire.test", DynamicRecordSizingDisabled: true})
	server = tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), bounded.Receive(t, shaken)); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// certificate is made anew for each caller: no bubble of synctest meets another's.
func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"wire.test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// small makes the kernel's buffers of a socket small: what it takes at once is far
// less than a batch. No smaller, since TCP then sends a little each 200 ms.
func small(t testing.TB, conns ...net.Conn) {
	t.Helper()
	for _, nc := range conns {
		c, ok := nc.(interface {
			SetReadBuffer(int) error
			SetWriteBuffer(int) error
		})
		if !ok {
			continue
		}
		if err := errors.Join(c.SetReadBuffer(64<<10), c.SetWriteBuffer(1)); err != nil {
			t.Fatal(err)
		}
	}
}

// write queues a frame and fails the test if it cannot.
func write(t testing.TB, w *Writer, frame []byte) (offset uint64) {
	t.Helper()
	offset, err := w.Write(t.Context().Done(), frame)
	if err != nil {
		t.Fatal(err)
	}
	return offset
}

// own returns frame in memory from Alloc.
func own(frame []byte) []byte { return append(Alloc(len(frame))[:0], frame...) }

// sink is a peer that keeps what it reads.
type sink struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	done chan struct{} // closed at the end of the stream
}

func newSink(r io.Reader) *sink {
	s := &sink{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		p := make([]byte, 64<<10)
		for {
			n, err := r.Read(p)
			s.mu.Lock()
			s.buf.Write(p[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// bytes returns what has been read, after the end of the stream.
func (s *sink) bytes() []byte {
	<-s.done
	return s.buf.Bytes()
}

// checkIdle waits until w has sent everything, and checks what is then true.
func checkIdle(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.WaitSent(t.Context().Done()); err != nil {
		t.Fatal(err)
	}
	// The last notify of a flush is under the lock that clears writing, so no
	// wait is needed: WaitSent heard of that very change.
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending.frames != 0 || w.pending.size != 0 || w.sent != w.end || w.accepted.Load() != w.end {
		t.Errorf("idle writer: pending %d frames, %d bytes; sent %d, accepted %d of %d", w.pending.frames, w.pending.size, w.sent, w.accepted.Load(), w.end)
	}
}
