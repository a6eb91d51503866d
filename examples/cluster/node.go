package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/etcdsd"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// The service and its methods: one that may be run twice, and one that may not.
const (
	service = "stock"
	read    = "stock.Read"
	pay     = "stock.Pay"
)

// prefix is that of the nodes' keys in etcd.
const prefix = "/services/" + service + "/"

// Request is that of both methods.
type Request struct {
	Nonce string `json:"nonce"` // the answer has the same
}

// Answer is that of both methods.
type Answer struct {
	Nonce string `json:"nonce"`
	Node  string `json:"node"` // its address
}

// node is a process of the service.
type node struct {
	etcd      *clientv3.Client
	registrar *etcdsd.Registrar
	service   *muxtransport.Service
	ledger    *os.File
	ended     chan error // of the Service's Serve
}

// newNode serves, and registers then.
func newNode(t told, logs io.Writer) (a actor, address string, err error) {
	n := &node{ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.ledger, err = os.OpenFile(t.ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", t.address)
	if err != nil {
		return nil, "", err
	}
	address = l.Addr().String()
	n.service = muxtransport.NewService(native.Protocol{})
	for _, method := range []string{read, pay} {
		n.service.Handle(method, muxtransport.NewServer(n.endpoint(method, address), muxtransport.DecodeJSON[Request], muxtransport.EncodeJSON))
	}
	go func() { n.ended <- n.service.Serve(l) }()
	if n.etcd, err = clientv3.New(etcdsd.ClientConfig(addresses(t.etcd)...)); err != nil {
		return nil, "", err
	}
	n.registrar, err = etcdsd.NewRegistrar(n.etcd, prefix+address,
		muxendpoint.Instance{Address: address, Zone: t.zone, Weight: 100, Labels: map[string]string{"name": t.name}},
		etcdsd.WithTTL(t.lease), etcdsd.WithDrainDelay(500*time.Millisecond), etcdsd.WithLogger(log.NewLogfmtLogger(logs)))
	if err != nil {
		return nil, "", err
	}
	n.registrar.Register()
	return n, address, nil
}

// endpoint takes a few milliseconds, so that there are calls in flight when something befalls the node.
func (n *node) endpoint(method, address string) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		asked := request.(Request)
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if method == pay {
			if _, err := fmt.Fprintln(n.ledger, asked.Nonce); err != nil {
				return nil, err
			}
		}
		return Answer{asked.Nonce, address}, nil
	}
}

// do: "registered" tells whether it is.
func (n *node) do(word string) (any, error) {
	if word != "registered" {
		return nil, errWord(word)
	}
	return n.registrar.Err() == nil, nil
}

// end announces that the node goes, and answers what it was sent until clients have heard of it, and after.
func (n *node) end() error {
	n.registrar.Deregister()
	ctx, cancel := context.WithTimeout(context.Background(), 2*callTimeout)
	defer cancel()
	return errors.Join(n.service.Shutdown(ctx), n.close())
}

func (n *node) close() (err error) {
	if n.service != nil {
		err = n.service.Close()
		err = errors.Join(err, ignore(muxtransport.ErrServiceClosed, <-n.ended))
	}
	if n.etcd != nil {
		err = errors.Join(err, n.etcd.Close())
	}
	if n.ledger != nil {
		err = errors.Join(err, n.ledger.Close())
	}
	return err
}

// ranOnce counts how often each nonce was run of what may not be run twice.
func ranOnce(ledger string) (map[string]int, error) {
	text, err := os.ReadFile(ledger)
	n := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		n[strings.TrimSpace(line)]++
	}
	return n, ignore(os.ErrNotExist, err)
}
