package main

import (
	"context"
	"errors"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/muxkit/muxkit/transport/ttheader/interop"
)

// connection is a client of Thrift's, for one call at a time.
type connection struct {
	client *thrift.TStandardClient
	socket *thrift.TSocket
}

const mostConnections = 256 // of this process

var (
	free   = make(chan *connection, mostConnections)
	places = make(chan struct{}, mostConnections)
)

func connect(address string, timeout time.Duration) (*connection, error) {
	select {
	case c := <-free:
		_ = c.socket.SetSocketTimeout(timeout)
		return c, nil
	default:
	}
	conf := &thrift.TConfiguration{ConnectTimeout: 10 * time.Second, SocketTimeout: timeout}
	socket := thrift.NewTSocketConf(address, conf)
	if err := socket.Open(); err != nil {
		return nil, err
	}
	p := thrift.NewTBinaryProtocolConf(thrift.NewTFramedTransportConf(socket, conf), conf)
	return &connection{thrift.NewTStandardClient(p, p), socket}, nil
}

// carryOut makes a call with the real client.
func carryOut(o interop.Order) interop.Outcome {
	places <- struct{}{}
	defer func() { <-places }()
	var out interop.Outcome
	c, err := connect(o.Address, time.Duration(o.TimeoutMS)*time.Millisecond)
	if err != nil {
		out.Failed, out.Kind, out.Message = true, "other", err.Error()
		return out
	}
	result := &text{field: 0}
	var answer thrift.TStruct = result
	if o.Method == "Note" {
		answer = nil
	}
	_, err = c.client.Call(context.Background(), o.Method, &text{field: 1, Text: &o.Text}, answer)
	var e thrift.TApplicationException
	switch {
	case errors.As(err, &e):
		out.Failed, out.Kind, out.Code, out.Message = true, "exception", int(e.TypeId()), e.Error()
	case err != nil:
		out.Failed, out.Kind, out.Message = true, "other", err.Error()
		_ = c.socket.Close()
		return out
	case result.Text != nil:
		out.Text = *result.Text
	}
	free <- c
	return out
}
