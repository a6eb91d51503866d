package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// target is the node, and how it is reached: what all commands have in common.
type target struct {
	protocol                  string
	raw                       bool // bodies are not JSON
	metadata                  transport.Metadata
	timeout                   time.Duration
	tls, insecure             bool
	ca, cert, key, serverName string
	address                   string // as it was given
	node                      transport.Node
	plug                      transport.Protocol
	tlsConfig                 *tls.Config // nil: plaintext
}

func (t *target) flags(fs *flag.FlagSet) {
	fs.StringVar(&t.protocol, "protocol", "native", "")
	t.tlsFlags(fs)
}

// tlsFlags are those that any connection has.
func (t *target) tlsFlags(fs *flag.FlagSet) {
	durationVar(fs, &t.timeout, "timeout", 10*time.Second)
	fs.BoolVar(&t.tls, "tls", false, "")
	fs.BoolVar(&t.insecure, "insecure", false, "")
	fs.StringVar(&t.ca, "ca", "", "")
	fs.StringVar(&t.cert, "cert", "", "")
	fs.StringVar(&t.key, "key", "", "")
	fs.StringVar(&t.serverName, "servername", "", "")
}

// sends is the flag for metadata.
func (t *target) sends(fs *flag.FlagSet) {
	t.metadata = make(transport.Metadata)
	fs.Func("H", "", t.addMetadata)
}

// addMetadata is the flag -H.
func (t *target) addMetadata(pair string) error {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || name == "" {
		return errors.New("it is not name=value")
	}
	switch name {
	case transport.MetadataAttempt, transport.MetadataRetryAfter, transport.MetadataNoRetry,
		transport.MetadataNotRun, transport.MetadataCode, transport.MetadataGoingAway:
		return errors.New("the name is the transport's own")
	}
	if _, twice := t.metadata[name]; twice {
		return errors.New("the name was given before")
	}
	t.metadata[name] = value
	return nil
}

func (t *target) isJSONRPC() bool { _, is := t.plug.(jsonrpc.Protocol); return is }

func (t *target) isThrift() bool { _, is := t.plug.(ttheader.Protocol); return is }

// resolve makes of the flags and of ADDRESS what a client needs.
func (t *target) resolve(address string) (err error) {
	if t.timeout < 0 {
		return misused("-timeout=%v is negative", t.timeout)
	}
	if t.plug, err = protocolOf(t.protocol, t.raw); err != nil {
		return err
	}
	t.address = address
	if t.node, err = nodeOf(address); err != nil {
		return err
	}
	t.tlsConfig, err = t.loadTLS()
	return err
}

var protocols = []string{"native", "jsonrpc", "jsonrpc1", "trpc", "ttheader", "thrift"}

// protocolOf returns the plug of that name. raw says that bodies are not JSON.
func protocolOf(name string, raw bool) (transport.Protocol, error) {
	switch name {
	case "native":
		return native.Protocol{}, nil
	case "jsonrpc":
		return jsonrpc.Protocol{Version: jsonrpc.Version2}, nil
	case "jsonrpc1":
		return jsonrpc.Protocol{Version: jsonrpc.Version1}, nil
	case "trpc":
		p := trpc.Protocol{ContentType: trpc.ContentJSON, MaxFrame: maxBody}
		if raw {
			p.ContentType = trpc.ContentProtobuf
		}
		return p, nil
	case "ttheader":
		return ttheader.Protocol{}, nil
	case "thrift":
		return ttheader.Protocol{Form: ttheader.FormFramed}, nil
	}
	return nil, misused("-protocol=%q is none of %s", name, strings.Join(protocols, ", "))
}

// nodeOf reads ADDRESS.
func nodeOf(address string) (transport.Node, error) {
	network, rest := "tcp", address
	for _, n := range []string{"unix", "udp"} {
		if path, ok := strings.CutPrefix(address, n+":"); ok {
			network, rest = n, path
		}
	}
	switch {
	case rest == "":
		return transport.Node{}, misused("ADDRESS %q has no host, port or path", address)
	case slices.Contains(commandNames, address):
		return transport.Node{}, misused("%q is a command, and a command comes before its flags: muxcall %[1]s [flags] ...", address)
	case network == "tcp" && !strings.Contains(rest, ":"):
		return transport.Node{}, misused("%q is neither a command (%s) nor an ADDRESS, which is host:port, udp:host:port or unix:path",
			address, strings.Join(commandNames, ", "))
	}
	if network != "unix" {
		if _, port, err := net.SplitHostPort(rest); err != nil || port == "" {
			return transport.Node{}, misused("ADDRESS %q is not host:port, udp:host:port or unix:path", address)
		}
	}
	return transport.Node{Network: network, Address: rest}, nil
}

// loadTLS reads the files, so that a mistake in them is told before a call is made. Any of
// its flags asks for TLS: none of them falls back to plaintext.
func (t *target) loadTLS() (*tls.Config, error) {
	switch {
	case !t.tls && !t.insecure && t.ca+t.cert+t.key+t.serverName == "":
		return nil, nil
	case t.node.Network == "udp":
		return nil, misused("-tls: there is no TLS over udp")
	case t.insecure && t.ca != "":
		return nil, misused("-insecure and -ca exclude each other")
	case t.cert == "" && t.key != "":
		return nil, misused("-key needs -cert")
	case t.cert != "" && t.key == "":
		return nil, misused("-cert needs -key")
	}
	cfg := &tls.Config{ServerName: t.serverName, InsecureSkipVerify: t.insecure, MinVersion: tls.VersionTLS12}
	if t.cert != "" {
		pair, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, misused("-cert %s, -key %s: %w", t.cert, t.key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, misused("-ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, misused("-ca: %s holds no certificate in PEM", t.ca)
		}
	}
	return cfg, nil
}

// warn says loudly what is not safe.
func (t *target) warn(s streams) {
	if t.insecure {
		s.say("WARNING: -insecure: the certificate of %s is not verified; whoever is on the way can read and change everything", t.node)
	}
}

// client returns a Client of a method of the node, whose bodies are bytes.
func (t *target) client(pool muxpool.Pool, method string, options ...transport.ClientOption) *transport.Client {
	return transport.NewClient(pool, t.node, t.plug, method, transport.EncodeBytes, transport.DecodeBytes, t.options(options...)...)
}

// options are those of every Client of the node, and more.
func (t *target) options(more ...transport.ClientOption) []transport.ClientOption {
	options := []transport.ClientOption{transport.ClientTimeout(t.timeout)}
	for name, value := range t.metadata {
		options = append(options, transport.ClientBefore(transport.SetRequestMetadata(name, value)))
	}
	if t.tlsConfig != nil {
		options = append(options, transport.ClientGetOptions(func(o *muxpool.GetOptions) { o.WithTLSConfig(t.tlsConfig) }))
	}
	return append(options, more...)
}
