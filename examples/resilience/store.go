package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/kit/endpoint"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	muxtransport "github.com/muxkit/muxkit/transport"
)

// The methods of the service. All answer with the request. To call one twice does no
// harm, but for a put.
const (
	methodGet  = "store.Get"
	methodPut  = "store.Put"
	methodScan = "store.Scan"
	methodJoin = "store.Join" // needs another service
)

var methods = []string{methodGet, methodPut, methodScan, methodJoin}

// keySize is the length of a request that makes sense. Two keys are special, which
// nobody draws at random: one that is not there, and one that may not be had.
const keySize = 16

var (
	unknownKey = make([]byte, keySize)
	lockedKey  = bytes.Repeat([]byte{1}, keySize)
)

// errSick is what a failing node answers.
var errSick = errors.New("store: the disk is failing")

// store is the service in a node's process.
type store struct {
	dependency muxendpoint.Typed[[]byte, []byte] // nil: none

	ledger *os.File // nil: none

	mu    sync.Mutex // guards all below; nothing is called under it
	takes time.Duration
	fails map[string]int64 // percent of a method's calls
}

func (s *store) methods() map[string]endpoint.Endpoint {
	m := map[string]endpoint.Endpoint{}
	for _, method := range methods {
		m[method] = func(ctx context.Context, request any) (any, error) { return s.serve(ctx, method, request.([]byte)) }
	}
	return m
}

func (s *store) serve(ctx context.Context, method string, key []byte) (any, error) {
	takes, fails := s.begin(method, key)
	switch {
	case len(key) != keySize:
		return nil, &muxtransport.Error{Code: muxtransport.CodeInvalidArgument, Message: "store: this is no key"}
	case bytes.Equal(key, unknownKey):
		return nil, &muxtransport.Error{Code: muxtransport.CodeNotFound, Message: "store: not there"}
	case bytes.Equal(key, lockedKey):
		return nil, muxtransport.Business(1, "store: locked")
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if rand.Int64N(100) < fails {
		return nil, errSick
	}
	if method == methodJoin && s.dependency != nil {
		return s.dependency(withToken(ctx, goodToken), key)
	}
	return key, nil
}

// begin says how a call fares. A put leaves a trace that outlives the process.
func (s *store) begin(method string, key []byte) (takes time.Duration, fails int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if method == methodPut {
		fmt.Fprintf(s.ledger, "%x\n", key)
	}
	return s.takes, s.fails[method]
}

// obey does what a line from the parent says, and returns its answer.
func (s *store) obey(line string) (string, error) {
	word, value, _ := strings.Cut(line, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch word {
	case "takes":
		var err error
		s.takes, err = time.ParseDuration(value)
		return "ok", err
	case "fails": // so many percent of the calls, of a method if one is named
		var percent int64
		var method string
		if n, err := fmt.Sscan(value, &percent, &method); n == 0 {
			return "", err
		}
		s.fails = map[string]int64{}
		for _, m := range methods {
			if method == "" || method == m {
				s.fails[m] = percent
			}
		}
		return "ok", nil
	}
	return "", fmt.Errorf("unknown command %q", line)
}
