package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A flusher that outlives its work would be found here.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A test frame: length u32, writer u32, sequence number u32, then bytes that only
// this frame has at their places.
const frameHead = 12

func appendFrame(b []byte, writer, seq uint32, size int) []byte {
	size = max(size, frameHead)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint32(b, writer)
	b = binary.BigEndian.AppendUint32(b, seq)
	for i := frameHead; i < size; i++ {
		b = append(b, pattern(writer, seq, i))
	}
	return b
}

func pattern(writer, seq uint32, i int) byte {
	return byte((uint32(i)*2654435761 ^ writer*40503 ^ seq*9176) >> 7)
}

// checkFrame reports what is wrong with a frame.
func checkFrame(b []byte) (writer, seq uint32, err error) {
	if len(b) < frameHead || int(binary.BigEndian.Uint32(b)) != len(b) {
		return 0, 0, fmt.Errorf("frame of %d bytes with head % x", len(b), b[:min(len(b), frameHead)])
	}
	writer, seq = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	for i := frameHead; i < len(b); i++ {
		if b[i] != pattern(writer, seq, i) {
			return writer, seq, fmt.Errorf("frame %d/%d: byte %d of %d is %#x, want %#x", writer, seq, i, len(b), b[i], pattern(writer, seq, i))
		}
	}
	return writer, seq, nil
}

// readFrame reads one test frame with io.ReadFull.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:4]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(buf))
	if n < frameHead || n > len(buf) {
		return nil, fmt.Errorf("frame of %d bytes", n)
	}
	if _, err := io.ReadFull(r, buf[4:n]); err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// inOrder reads n frames and checks each byte of them, and that the frames of
// each writer come in the order of their numbers.
func inOrder(r io.Reader, n, maxSize int) error {
	next := map[uint32]uint32{}
	buf := make([]byte, maxSize)
	for i := range n {
		b, err := readFrame(r, buf)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, n, err)
		}
		writer, seq, err := checkFrame(b)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, n, err)
		}
		if seq != next[writer] {
			return fmt.Errorf("writer %d: frame %d, want %d", writer, seq, next[writer])
		}
		next[writer]++
	}
	return nil
}

// transports are the kinds of connections that a Writer is tested on.
var transports = []string{"tcp", "unix", "pipe", "tls"}

// pair returns both ends of a connection, closed at the end of the test.
func pair(t testing.TB, transport string) (a, b net.Conn) {
	t.Helper()
	switch transport {
	case "pipe":
		a, b = net.Pipe()
	case "tls":
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
	if err := errors.Join(err, <-accepted); err != nil {
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
	client = tls.Client(a, &tls.Config{RootCAs: roots, ServerName: "wire.test"})
	server = tls.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
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

// allocFrame reads one test frame into memory from Alloc, as a parser does.
func allocFrame(r FrameReader) ([]byte, error) {
	head, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	frame, err := r.Alloc(int(binary.BigEndian.Uint32(head)))
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, frame); err != nil {
		Free(frame)
		return nil, err
	}
	return frame, nil
}
