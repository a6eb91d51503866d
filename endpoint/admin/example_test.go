package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/admin"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func Example() {
	pool, err := muxpool.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	breakers := breaker.NewGroup()
	defer breakers.Close()
	defer breakers.Watch(pool)()
	stock := muxendpoint.NewSet(sd.FixedInstancer{"10.0.0.1:8080", "10.0.0.2:8080"}, nil,
		muxendpoint.WithService("stock"), muxendpoint.WithBreakers(breakers))
	defer stock.Close()

	stock.Endpoint("Count", func(n transport.Node) *transport.Client {
		return transport.NewClient(pool, n, native.Protocol{}, "Count", transport.EncodeBytes, transport.DecodeBytes)
	})

	page, err := admin.New(admin.WithSet(stock), admin.WithBreakers("", breakers), admin.WithPool("", pool))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Close()
	mux := http.NewServeMux()
	mux.Handle("/debug/mux", page) // of a server that the public cannot reach

	breakers.ForceOpen(muxpool.Node{Network: "tcp", Address: "10.0.0.2:8080"}, nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/debug/mux?format=text", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, "out:") || strings.Contains(line, "nodes, 1 out") {
			fmt.Println(strings.Join(strings.Fields(line), " "))
		}
	}
	// Output:
	// 2 nodes, 1 out; 0 of at most 1024 calls wait for a node
	// ! tcp://10.0.0.2:8080 out: forced open when an operator ends it 0 100% none Held open by an operator.
}

// A page with fewer things on it, and buttons.
func ExampleNew() {
	breakers := breaker.NewGroup()
	defer breakers.Close()
	service := transport.NewService(native.Protocol{})
	page, err := admin.New(
		admin.WithBreakers("", breakers),
		admin.WithService("stock", service),
		admin.WithEvents(50),     // are kept; default 200
		admin.WithoutMeasuring(), // no figures of the last minute, which cost a little for each call
		admin.WithActions(nil))   // nodes can be drained; each action is logged, where there is a logger
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Close()
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest("GET", "/?format=text", nil))
	fmt.Println(w.Code)
	// Output: 200
}
