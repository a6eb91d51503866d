package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// The methods of the service. Both answer with the request. To get twice does no
// harm, to put twice would.
const (
	methodGet = "store.Get"
	methodPut = "store.Put"
)

// work is how long a well node takes for a call, so that there are calls in
// flight when it falls sick.
const work = 10 * time.Millisecond

// errSick is what a failing node answers.
var errSick = errors.New("store: the disk is failing")

// store is the service in a node's process.
type store struct {
	takes atomic.Int64 // nanoseconds a call
	fails atomic.Int64 // percent of the calls

	mu   sync.Mutex // guards puts; nothing is called under it
	puts []string   // those that began, in hexadecimal
}

// put is get, and leaves a trace.
func (s *store) put(ctx context.Context, request any) (any, error) {
	s.mu.Lock()
	s.puts = append(s.puts, hex.EncodeToString(request.([]byte)))
	s.mu.Unlock()
	return s.get(ctx, request)
}

func (s *store) get(ctx context.Context, request any) (any, error) {
	select {
	case <-time.After(time.Duration(s.takes.Load())):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if rand.Int64N(100) < s.fails.Load() {
		return nil, errSick
	}
	return request, nil
}

// obey does what a line from the parent says, and returns its answer.
func (s *store) obey(line string) (string, error) {
	switch word, value, _ := strings.Cut(line, " "); word {
	case "takes":
		d, err := time.ParseDuration(value)
		s.takes.Store(int64(d))
		return "ok", err
	case "fails":
		var percent int64
		_, err := fmt.Sscanf(value, "%d%%", &percent)
		s.fails.Store(percent)
		return "ok", err
	case "puts":
		s.mu.Lock()
		defer s.mu.Unlock()
		return "ok " + strings.Join(s.puts, " "), nil
	}
	return "", fmt.Errorf("unknown command %q", line)
}

// act is the process of a node or a relay. It prints the address that it listens
// on, and lives until in ends.
func act(told string, in io.Reader, out io.Writer) error {
	role, address, _ := strings.Cut(told, " ")
	if role == "relay" {
		return relay(address, in, out)
	}
	return node(address, in, out)
}

// node serves the store on address. It obeys the lines on in, and answers each
// with "ok", what it was asked for, or an error's text.
func node(address string, in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s := &store{}
	s.takes.Store(int64(work))
	service := muxtransport.NewService(native.Protocol{})
	service.Handle(methodGet, muxtransport.NewServer(s.get, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	service.Handle(methodPut, muxtransport.NewServer(s.put, muxtransport.DecodeBytes, muxtransport.EncodeBytes))
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(l) }()

	fmt.Fprintln(out, l.Addr())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer, err := s.obey(lines.Text())
		if err != nil {
			answer = err.Error()
		}
		fmt.Fprintln(out, answer)
	}
	_ = service.Close()
	if err := <-ended; !errors.Is(err, muxtransport.ErrServiceClosed) {
		return err
	}
	return nil
}
