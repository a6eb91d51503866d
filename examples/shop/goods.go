package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-kit/kit/auth/jwt"
	"github.com/go-kit/kit/endpoint"
	jwtlib "github.com/golang-jwt/jwt/v4"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// The services, and the one behind each: a call of shop passes through orders, and ends at
// stock. edge is who calls the shop: the load of this program.
const (
	edge   = "edge"
	shop   = "shop"
	orders = "orders"
	stock  = "stock"
)

var (
	services = []string{shop, orders, stock}
	behind   = map[string]string{edge: shop, shop: orders, orders: stock}
)

// before is who may call a service.
func before(service string) string {
	for who, calls := range behind {
		if calls == service {
			return who
		}
	}
	return ""
}

// Each service has the same two methods: to look at an item, which may be done twice, and
// to buy it, which may not.
const (
	look = "Look"
	buy  = "Buy"
)

// Request is that of all methods.
type Request struct {
	Item  string `json:"item"`
	Nonce string `json:"nonce"` // the answer has the same
}

// Answer is that of all methods.
type Answer struct {
	Nonce string `json:"nonce"`
	Price int    `json:"price"`
	Hops  []Hop  `json:"hops"` // the way of the call, the shop first
}

// Hop is what a service knew of a call.
type Hop struct {
	Service   string        `json:"service"`
	Node      string        `json:"node"`
	Caller    string        `json:"caller"`   // whom its certificate names
	Customer  string        `json:"customer"` // whom the token names
	RequestID string        `json:"request_id"`
	Left      time.Duration `json:"left"` // of the time that the caller gives it, in ns; 0: for ever
}

// method is a method of the service behind, as it is called.
type method = muxendpoint.Typed[Request, Answer]

// goods is what a service does.
type goods struct {
	service string
	node    string            // where it listens
	takes   time.Duration     // its own part of a call
	behind  map[string]method // nil: it is the stock
	sales   *os.File          // of the stock, which writes down there what it sells
}

// endpoint is a method of the service.
func (g *goods) endpoint(name string) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		asked := request.(Request)
		if asked.Item == "" || asked.Nonce == "" {
			return nil, &muxtransport.Error{Code: verdict.CodeInvalidArgument, Message: g.service + ": an item and a nonce are wanted"}
		}
		here := g.hop(ctx)
		select {
		case <-time.After(g.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		answer := Answer{Nonce: asked.Nonce, Price: 100 + len(asked.Item)}
		if g.behind != nil {
			var err error
			if answer, err = g.behind[name](ctx, asked); err != nil {
				return nil, err
			}
		} else if name == buy {
			if _, err := fmt.Fprintln(g.sales, asked.Nonce); err != nil {
				return nil, err
			}
		}
		answer.Hops = append([]Hop{here}, answer.Hops...)
		return answer, nil
	}
}

// hop is what is known of a call as it begins.
func (g *goods) hop(ctx context.Context) Hop {
	h := Hop{Service: g.service, Node: g.node, RequestID: requestID(ctx)}
	if peer, ok := muxtransport.PeerOf(ctx); ok {
		h.Caller = peer.Identity()
	}
	if claims, ok := ctx.Value(jwt.JWTClaimsContextKey).(*jwtlib.RegisteredClaims); ok {
		h.Customer = claims.Subject
	}
	if end, ok := ctx.Deadline(); ok {
		h.Left = time.Until(end)
	}
	return h
}
