package trpc

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

func TestConformance(t *testing.T) {
	for name, p := range map[string]transport.Protocol{
		"zero value":      Protocol{},
		"with options":    Protocol{Caller: "a", Callee: "b", ContentType: ContentJSON, MaxFrame: 1 << 20},
		"with keepalives": KeepAlive{},
	} {
		t.Run(name, func(t *testing.T) {
			protocoltest.Run(t, p, protocoltest.Method("/test.Service/Echo"), protocoltest.Garbage(
				[]byte("GET / HTTP/1.1\r\n"), header(15, 0), header(20, 5), header(0xffffffff, 0)))
		})
	}
}
