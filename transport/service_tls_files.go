package transport

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"
)

// ServiceTLSFiles is ServiceTLSConfig with a certificate, its key, and the authorities
// that vouch for clients, from files in PEM. With an empty clientCAFile clients need no
// certificate; otherwise each must show one that is verified (mTLS). Files that cannot be
// read, or are no PEM, are an error that names them.
//
// The files are looked at before each handshake, and read again when one has changed, so
// that a renewed certificate is in use from the next connection on; connections that are
// open stay. While the new ones cannot be read, or key and certificate do not belong
// together, as between the renewal of one and of the other, those that were read last
// hold, and the ServiceErrorHandler hears of it, once for each change.
func ServiceTLSFiles(certFile, keyFile, clientCAFile string) ServiceOption {
	return func(o *serviceOptions) {
		f := &tlsFiles{cert: certFile, key: keyFile, ca: clientCAFile}
		first, err := f.current()
		if err != nil {
			o.invalid = append(o.invalid, fmt.Errorf("%w: ServiceTLSFiles: %w", ErrInvalidOption, err))
			return
		}
		if o.tls != nil && o.tlsFiles == nil {
			o.invalid = append(o.invalid, errTwoTLS)
		}
		o.tlsFiles = f
		o.tls = first.Clone()
		o.tls.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			cfg, err := f.current()
			if err != nil {
				f.report(err)
			}
			return cfg, nil
		}
	}
}

// tlsFiles are files and what was read from them. It is safe for concurrent use.
type tlsFiles struct {
	cert, key, ca string
	report        func(error) // set before the first handshake

	// mu guards the rest. Files are read while it is held: handshakes that begin
	// meanwhile want what is read.
	mu     sync.Mutex
	seen   [3]stamp    // of the files when they were looked at last
	config *tls.Config // what was read last, and was good; never changed
}

// stamp tells whether a file has changed.
type stamp struct {
	file os.FileInfo // nil: it cannot be looked at
	at   time.Time
	size int64
}

func stampOf(name string) stamp {
	info, err := os.Stat(name)
	if name == "" || err != nil {
		return stamp{}
	}
	return stamp{info, info.ModTime(), info.Size()}
}

func (s stamp) same(as stamp) bool {
	if s.file == nil || as.file == nil {
		return s.file == nil && as.file == nil
	}
	return s.at.Equal(as.at) && s.size == as.size && os.SameFile(s.file, as.file)
}

// current returns the configuration that the files have, or the last good one and, the
// first time that they are found so, why they have none.
func (f *tlsFiles) current() (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := [3]stamp{stampOf(f.cert), stampOf(f.key), stampOf(f.ca)}
	if f.config != nil && now[0].same(f.seen[0]) && now[1].same(f.seen[1]) && now[2].same(f.seen[2]) {
		return f.config, nil
	}
	f.seen = now // of before they are read: what changes meanwhile is read next time
	cfg, err := f.read()
	if err != nil {
		return f.config, err
	}
	f.config = cfg
	return cfg, nil
}

func (f *tlsFiles) read() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %q, key %q: %w", f.cert, f.key, err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if f.ca == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, fmt.Errorf("client CA file %q: %w", f.ca, err)
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("client CA file %q holds no certificate in PEM", f.ca)
	}
	return cfg, nil
}
