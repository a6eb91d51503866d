package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// blocking are methods that answer when they are told to.
func blocking(release <-chan struct{}) map[string]*transport.Server {
	methods := echoMethods()
	methods["Slow"] = transport.NewServer(func(_ context.Context, r any) (any, error) { <-release; return r, nil },
		transport.DecodeBytes, transport.EncodeBytes)
	return methods
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(start) > waitTime {
			t.Fatal("in vain: " + what)
		}
	}
}

// batch is one of n calls, each with its number as id and only parameter.
func batch(method string, n int) string {
	calls := make([]string, n)
	for i := range calls {
		calls[i] = fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":[%d],"id":%d}`, method, i, i)
	}
	return "[" + strings.Join(calls, " , ") + "]"
}

// answers reads the answer to a batch: the results, or the errors' numbers, by id.
func (r *raw) batchAnswer() map[float64]any {
	r.t.Helper()
	list, ok := r.next().([]any)
	if !ok {
		r.t.Fatal("the answer to a batch is no array")
	}
	got := make(map[float64]any)
	for _, one := range list {
		o := one.(map[string]any)
		id := o["id"].(float64)
		if _, twice := got[id]; twice {
			r.t.Errorf("%v is answered twice", id)
		}
		got[id] = o["result"]
		if e, ok := o["error"].(map[string]any); ok {
			got[id] = e["code"]
		}
	}
	return got
}

// TestBatchIsAdmittedCallByCall: each call of a batch counts, those beyond the limit are
// refused alone, and what all of them took is given back.
func TestBatchIsAdmittedCallByCall(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, jsonrpc.Protocol{}, blocking(release), transport.ServiceMaxInFlight(10, 100))
	c := dial(t, s.node)
	c.send(batch("Slow", 7))
	until(t, "seven calls in flight", func() bool { return s.Stats().InFlight == 7 })
	other := dial(t, s.node)
	other.send(`{"jsonrpc":"2.0","method":"Echo","params":["x"],"id":1}`)
	other.want(`{"jsonrpc":"2.0","id":1,"result":"x"}`)
	c.send(batch("Slow", 7)) // of which three fit; the others are in flight until they are answered
	until(t, "ten calls in flight, and four refused", func() bool {
		s := s.Stats()
		return s.Refused.ConnCalls == 4 && s.InFlight == 10
	})
	close(release)
	refused := 0
	for range 2 {
		got := c.batchAnswer()
		if len(got) != 7 {
			t.Errorf("%d answers to seven calls: %v", len(got), got)
		}
		for id, result := range got {
			switch result {
			case id:
			case -32008.0:
				refused++
			default:
				t.Errorf("%v is answered %v", id, result)
			}
		}
	}
	if refused != 4 {
		t.Errorf("%d calls are refused, not 4", refused)
	}
	c.Close()
	other.Close()
	until(t, "nothing in use", func() bool { st := s.Stats(); return st.InFlight == 0 && st.Bytes == 0 })
}

// TestBatchOfTooMany: it is refused as a whole, unrun, and the connection stays in use.
func TestBatchOfTooMany(t *testing.T) {
	s := serve(t, jsonrpc.Protocol{}, blocking(nil), transport.ServiceMaxInFlight(10, 100))
	c := dial(t, s.node)
	c.send(batch("Slow", 11))
	got := c.next().(map[string]any)
	if e, _ := got["error"].(map[string]any); e == nil || e["code"] != -32008.0 || !strings.Contains(fmt.Sprint(e["message"]), "10") || got["id"] != nil {
		t.Errorf("got %v", got)
	}
	c.send(batch("Echo", 10))
	if got := c.batchAnswer(); len(got) != 10 {
		t.Errorf("got %v", got)
	}
	if st := s.Stats(); st.Refused.ConnCalls != 1 || st.Methods["Slow"].Running != 0 {
		t.Errorf("%+v", st)
	}
}

// TestAnswersOfABatchAreBounded: together they are no larger than a frame may be.
func TestAnswersOfABatchAreBounded(t *testing.T) {
	methods := echoMethods()
	methods["Large"] = transport.NewServer(func(context.Context, any) (any, error) { return strings.Repeat("x", 5000), nil },
		transport.NopRequestDecoder, transport.EncodeJSON)
	s := serve(t, jsonrpc.Protocol{}, methods, transport.ServiceMaxFrameSize(16<<10))
	c := dial(t, s.node)
	c.send(batch("Large", 3))
	if got := c.batchAnswer(); len(got) != 3 {
		t.Errorf("%d answers", len(got))
	}
	c.send(batch("Large", 4))
	got := c.next().(map[string]any)
	if e, _ := got["error"].(map[string]any); e == nil || e["code"] != -32018.0 || !strings.Contains(fmt.Sprint(e["message"]), "16384") {
		t.Errorf("got %v", got)
	}
	c.send(`{"jsonrpc":"2.0","method":"Echo","params":["x"],"id":1}`)
	c.want(`{"jsonrpc":"2.0","id":1,"result":"x"}`)
	c.Close()
	until(t, "nothing in use", func() bool { st := s.Stats(); return st.InFlight == 0 && st.Bytes == 0 })
}

// TestBatchOnDatagrams: as on a connection, but that nothing is answered in which no method
// is named, be it a batch as a whole, since it may be an answer.
func TestBatchOnDatagrams(t *testing.T) {
	s := transport.NewService(jsonrpc.Protocol{}, transport.ServiceMaxInFlight(10, 10))
	for name, server := range blocking(nil) {
		s.Handle(name, server)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- s.ServePacket(pc) }()
	t.Cleanup(func() {
		s.Close()
		if err := bounded.Receive(t, end); !errors.Is(err, transport.ErrServiceClosed) {
			t.Error(err)
		}
	})
	nc, err := net.Dial("udp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	buf := make([]byte, 64<<10)
	for request, want := range map[string]int{batch("Echo", 10): 10, batch("Echo", 1): 1, `[1,` + batch("Echo", 3)[1:]: 3} {
		for _, request := range []string{batch("Slow", 11), `[1,{"jsonrpc":"2.0","method":"Echo"}]`, `[{"id":1,"result":2}]`, `[]`, request} {
			if _, err := nc.Write([]byte(request)); err != nil {
				t.Fatal(err)
			}
		}
		n, err := nc.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		var list []any
		if _ = json.Unmarshal(buf[:n], &list); len(list) != want {
			t.Errorf("%.80s is answered %s", request, buf[:n])
		}
	}
	until(t, "nothing in use", func() bool { st := s.Stats(); return st.InFlight == 0 && st.Bytes == 0 })
}

// TestBatchesInAllOrders: calls that run on workers, inline and not at all share a batch,
// and a graceful end answers it.
func TestBatchesInAllOrders(t *testing.T) {
	for _, workers := range []int{0, 1, 3} {
		release := make(chan struct{})
		s := serve(t, jsonrpc.Protocol{}, blocking(release), transport.ServiceWorkers(workers))
		c := dial(t, s.node)
		c.send(`[{"jsonrpc":"2.0","method":"Slow","params":[1],"id":1},{"jsonrpc":"2.0","method":"Echo","params":[2],"id":2},
			{"jsonrpc":"2.0","method":"Nowhere","id":3},{"jsonrpc":"2.0","method":"Slow","params":[4]},{"method":"Echo","params":[5],"id":5}]`)
		until(t, "the calls", func() bool { return s.Stats().Methods["Echo"].OK == 2 })
		ended := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), waitTime)
			defer cancel()
			ended <- s.Shutdown(ctx)
		}()
		close(release)
		if got, want := fmt.Sprint(c.batchAnswer()), fmt.Sprint(map[float64]any{1: 1, 2: 2, 3: -32601, 5: 5}); got != want {
			t.Errorf("%d workers: %v, not %v", workers, got, want)
		}
		if err := bounded.Receive(t, ended); err != nil {
			t.Error(err)
		}
	}
}

// faulty panics in the code that joins answers.
type faulty struct {
	jsonrpc.Protocol
	end bool
}

func (f faulty) AppendBatched(dst, answer []byte) []byte {
	if !f.end {
		panic("boom")
	}
	return f.Protocol.AppendBatched(dst, answer)
}

func (f faulty) EndBatch([]byte) []byte { panic("boom") }

// TestPanicWhileAnswersAreJoined: the batch is answered with an error, others are served.
func TestPanicWhileAnswersAreJoined(t *testing.T) {
	for _, end := range []bool{false, true} {
		s := transport.NewService(faulty{end: end})
		for name, server := range echoMethods() {
			s.Handle(name, server)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		c := dial(t, transport.Node{Network: "tcp", Address: l.Addr().String()})
		c.send(batch("Echo", 3) + `{"method":"Echo","params":[1],"id":1}`)
		if got := c.next().(map[string]any); got["error"].(map[string]any)["code"] != -32603.0 {
			t.Errorf("got %v", got)
		}
		c.want(`{"id":1,"result":1,"error":null}`)
		c.Close()
		until(t, "nothing in use", func() bool { st := s.Stats(); return st.InFlight == 0 && st.Bytes == 0 })
		s.Close()
		bounded.Receive(t, served)
	}
}

// TestBatchWhoseCallEndsItsGoroutine: where a call ends the goroutine that starts the others
// of its batch, the batch is answered as a whole, and the connection goes on.
func TestBatchWhoseCallEndsItsGoroutine(t *testing.T) {
	methods := echoMethods()
	methods["Exit"] = transport.NewServer(func(context.Context, any) (any, error) { runtime.Goexit(); return nil, nil },
		transport.DecodeBytes, transport.EncodeBytes, transport.ServerInline())
	s := serve(t, jsonrpc.Protocol{}, methods)
	c := dial(t, s.node)
	c.send(`[{"jsonrpc":"2.0","method":"Echo","params":["x"],"id":1},{"jsonrpc":"2.0","method":"Exit","id":2},{"jsonrpc":"2.0","method":"Echo","params":["y"],"id":3}]`)
	answer, ok := c.next().(map[string]any)
	if e, _ := answer["error"].(map[string]any); !ok || e == nil || answer["id"] != nil {
		t.Errorf("got %v, want one error for all", answer)
	}
	c.send(`[{"jsonrpc":"2.0","method":"Exit","id":4}]`) // of which nothing is missing
	if got := c.batchAnswer(); got[4] != float64(-32603) {
		t.Errorf("got %v", got)
	}
	c.send(`{"jsonrpc":"2.0","method":"Echo","params":["z"],"id":5}`)
	c.want(`{"jsonrpc":"2.0","id":5,"result":"z"}`)
	until(t, "nothing is in flight", func() bool { st := s.Stats(); return st.InFlight == 0 && st.Bytes == 0 })
}
