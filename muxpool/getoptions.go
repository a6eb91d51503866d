package muxpool

import (
	"crypto/tls"
	"time"
)

// GetOptions says how a Get wants its connection. Make one with NewGetOptions;
// it may be copied, and used for many Gets.
//
// The parser, the TLS settings and the local address are part of a node's
// identity: Gets that differ in one of them never share a connection. Parsers
// are compared with ==, TLS configurations by pointer.
type GetOptions struct {
	parser    FrameParser
	local     string
	tls       tlsFiles
	tlsConfig *tls.Config
	timeout   time.Duration
	vid       uint32
	hasVID    bool
	oneWay    bool
}

// tlsFiles are the arguments of WithDialTLS.
type tlsFiles struct {
	cert, key, ca, serverName string
}

// NewGetOptions returns GetOptions without a parser, plaintext, with an id that
// the pool allocates.
func NewGetOptions() GetOptions { return GetOptions{} }

// WithFrameParser sets the parser. It is required.
func (o *GetOptions) WithFrameParser(fp FrameParser) { o.parser = fp }

// WithVID sets the id. Without it the pool allocates one, and MuxConn.VID tells
// it. If the id is in use on every connection of the node, the MuxConn's Write
// and Read fail with ErrDupRequestID.
func (o *GetOptions) WithVID(vid uint32) { o.vid, o.hasVID = vid, true }

// WithLocalAddr sets the address to connect from, as "127.0.0.1:0".
func (o *GetOptions) WithLocalAddr(addr string) { o.local = addr }

// WithDialTLS asks for TLS. certFile and keyFile are the client's certificate
// and key in PEM, both or neither. caFile is a PEM file of the CAs to trust,
// "root" or empty for the system's, or "none" for no verification at all, which
// lets anyone in between read and change everything: never outside of a test.
// serverName is the name that the server's certificate must bear, by default the
// host of the address. The files are read at each dial, so a certificate
// that is renewed on disk is picked up by the next connection.
//
// If all four are empty this does nothing.
func (o *GetOptions) WithDialTLS(certFile, keyFile, caFile, serverName string) {
	o.tls = tlsFiles{certFile, keyFile, caFile, serverName}
}

// WithTLSConfig asks for TLS with cfg, which must not be changed afterwards.
// Without a ServerName, the host of the address is used. It excludes WithDialTLS.
func (o *GetOptions) WithTLSConfig(cfg *tls.Config) { o.tlsConfig = cfg }

// WithTimeout ends the MuxConn's Read and Write with context.DeadlineExceeded
// after d, counted from the Get, if the context does not end before: a deadline
// that costs no context.WithTimeout. Zero means none.
func (o *GetOptions) WithTimeout(d time.Duration) { o.timeout = d }

// WithOneWay says that no answer will come: Write returns when the frame was
// handed to the kernel, or says that it was not, and Close frees the id at once.
func (o *GetOptions) WithOneWay() { o.oneWay = true }
