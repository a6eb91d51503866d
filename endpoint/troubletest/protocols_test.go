package troubletest

import (
	"encoding/hex"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// quiet is the log of a foreign server.
var quiet = log.New(io.Discard, "", 0)

var foreign = []trouble{
	{
		what: "an HTTP server at the port",
		make: func(t *testing.T) error {
			return lines(t, httpServer(t, nil))
		},
		means: "the server has taken the frame, up to an end of line in it, for the first line of a request; where a frame has none it waits, and the call ends as with a peer that says nothing",
		do:    "the port",
	}, {
		what: "an HTTPS server at the port",
		make: func(t *testing.T) error {
			c := certificate(t, authority(t))
			return call(inTime(t), pool(t), httpServer(t, &c), "Echo", 1)
		},
		means: "the server has hung up without a word",
		do:    "the port; TLS",
	}, {
		what: "an HTTPS server at the port, and TLS on the client",
		make: func(t *testing.T) error {
			a := authority(t)
			c := certificate(t, a)
			return lines(t, httpServer(t, &c), withTLS(trusting(a)))
		},
		means: "TLS is right, and what is within is not",
		do:    "the port",
	}, {
		what:  "native to a JSON-RPC Service",
		make:  between(native.Protocol{}, jsonrpc.Protocol{Version: jsonrpc.Version2}),
		means: wrongProtocol, do: chooseOne,
	}, {
		what:  "native to a tRPC Service",
		make:  between(native.Protocol{}, trpc.Protocol{}),
		means: wrongSilent, do: chooseOne,
	}, {
		what:  "native to a TTHeader Service",
		make:  between(native.Protocol{}, ttheader.Protocol{}),
		means: wrongSilent, do: chooseOne,
	}, {
		what:  "JSON-RPC to a native Service",
		make:  between(jsonrpc.Protocol{Version: jsonrpc.Version2}, native.Protocol{}),
		means: wrongSilent, do: chooseOne,
	}, {
		what:  "tRPC to a native Service",
		make:  between(trpc.Protocol{}, native.Protocol{}),
		means: wrongSilent, do: chooseOne,
	}, {
		what:  "tRPC to a JSON-RPC Service",
		make:  between(trpc.Protocol{}, jsonrpc.Protocol{Version: jsonrpc.Version2}),
		means: wrongProtocol, do: chooseOne,
	}, {
		what:  "TTHeader to a native Service",
		make:  between(ttheader.Protocol{}, native.Protocol{}),
		means: wrongSilent, do: chooseOne,
	}, {
		what: "JSON-RPC to an HTTP server",
		make: func(t *testing.T) error {
			_, err := client(pool(t), httpServer(t, nil), jsonrpc.Protocol{Version: jsonrpc.Version2}, "Echo").Endpoint()(inTime(t), []byte(`[1]`))
			return err
		},
		means: "JSON-RPC of muxkit is JSON on a connection, not in HTTP's bodies",
		do:    "go-kit's `transport/http/jsonrpc` speaks it over HTTP",
	}, {
		what: "a server of an older version of the native protocol",
		make: func(t *testing.T) error {
			answer := golden(t, "v1/answer")
			node := peer(t, func(nc net.Conn) {
				if _, err := nc.Read(make([]byte, 512)); err == nil {
					_, _ = nc.Write(answer)
					silence(nc)
				}
			})
			return call(inTime(t), pool(t), node, "Echo", 1)
		},
		means: "both sides speak native, in versions that do not go together",
		do:    "which side is to be upgraded first: [versioning.md](versioning.md)",
	},
}

const (
	wrongProtocol = "the server has answered in what it speaks"
	wrongSilent   = "the server has hung up on bytes that it does not know; its `ServiceErrorHandler` heard what they are"
	chooseOne     = "one protocol for both sides"
)

// lines makes a call whose frame has an end of line.
func lines(t *testing.T, n muxpool.Node, options ...transport.ClientOption) error {
	_, err := client(pool(t), n, native.Protocol{}, "Echo", options...).Endpoint()(inTime(t), []byte("one\ntwo"))
	return err
}

// between makes a call over one protocol to a Service that speaks another.
func between(speaks transport.Protocol, serves transport.ServerProtocol) func(t *testing.T) error {
	return func(t *testing.T) error {
		_, err := client(pool(t), service(t, serves, nil), speaks, "/s/Echo").Endpoint()(inTime(t), []byte(`[1]`))
		return err
	}
}

// golden is a frame of the native protocol's testdata.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../transport/native/testdata/" + name + ".hex")
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
