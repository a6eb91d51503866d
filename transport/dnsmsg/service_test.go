package dnsmsg_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg"
)

// records is an endpoint that answers with so many bytes of text.
func records(bytes int) func(context.Context, any) (any, error) {
	return func(_ context.Context, r any) (any, error) {
		body := r.([]byte)
		body[11] = 0 // without the OPT record
		return txt(questionOnly(body), bytes), nil
	}
}

func questionOnly(m []byte) []byte { return m[:12+bytes.IndexByte(m[12:], 0)+5] }

// ask is one exchange over UDP.
func ask(t *testing.T, address string, request []byte) []byte {
	t.Helper()
	nc, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	if _, err := nc.Write(request); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1<<16)
	n, err := nc.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return answer[:n]
}

// An answer over UDP has what the client takes, and says so if that is not all; the OPT
// record of a request is answered with one.
func TestAnswersAreTruncated(t *testing.T) {
	for _, c := range []struct {
		request   []byte
		text      int
		truncated bool
	}{
		{message("example.org"), 400, false},
		{message("example.org"), 600, true},
		{extended("example.org", 100), 400, false}, // less than 512 is not said
		{extended("example.org", 1232), 600, false},
		{extended("example.org", 1232), 1300, true},
		{extended("example.org", 65535), 60000, false},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.text, len(c.request)), func(t *testing.T) {
			s := serve(t, dnsmsg.MethodQuery, records(c.text))
			request := bytes.Clone(c.request)
			request[0], request[1] = 0xab, 0xcd
			answer := ask(t, s.address, request)
			if answer[0] != 0xab || answer[1] != 0xcd || answer[2]&0x80 == 0 {
				t.Fatalf("answered %x", answer[:12])
			}
			if truncated := answer[2]&0x02 != 0; truncated != c.truncated {
				t.Errorf("truncated: %v, %d bytes", truncated, len(answer))
			}
			wantOPT := c.truncated && request[11] == 1
			if hasOPT := binary.BigEndian.Uint16(answer[10:]) == 1; hasOPT != wantOPT {
				t.Errorf("it has an OPT record: %v", hasOPT)
			}
			if c.truncated && (answer[7] != 0 || !bytes.Equal(questionOnly(answer)[12:], questionOnly(request)[12:])) {
				t.Errorf("answered %x", answer)
			}
		})
	}
}

// A Client asks again over TCP what was truncated, and only that.
func TestTruncatedAnswersAreAskedForAgain(t *testing.T) {
	for _, text := range []int{100, 600, 60000} {
		s, pool := serve(t, dnsmsg.MethodQuery, records(text)), newPool(t)
		c := dnsmsg.NewClient(pool, transport.Node{Network: "udp", Address: s.address}, dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes)
		if err := c.Err(); err != nil {
			t.Fatal(err)
		}
		answer, err := c.Endpoint()(testContext(t), message("example.org"))
		if err != nil {
			t.Fatal(err)
		}
		if m := answer.([]byte); m[0] != 0 || m[1] != 0 || m[2]&0x02 != 0 || len(m) < text {
			t.Errorf("%d bytes of text: the answer has %d, %x", text, len(m), m[:12])
		}
		wantNodes := 1
		if text > 512 {
			wantNodes = 2
		}
		if n := len(pool.Stats().Nodes); n != wantNodes {
			t.Errorf("%d bytes of text: %d nodes, want %d", text, n, wantNodes)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The least answer that says that it was truncated is a header.
func TestATruncatedHeaderIsAskedForAgain(t *testing.T) {
	s, pool := serve(t, dnsmsg.MethodQuery, func(_ context.Context, r any) (any, error) {
		m := r.([]byte)
		m[2] |= 0x02
		return m, nil
	}), newPool(t)
	c := dnsmsg.NewClient(pool, transport.Node{Network: "udp", Address: s.address}, dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes)
	defer c.Close()
	answer, err := c.Endpoint()(testContext(t), make([]byte, 12))
	if m, _ := answer.([]byte); err != nil || len(m) != 12 || m[2]&0x02 == 0 {
		t.Errorf("answered %x, %v", m, err)
	}
	if n := len(pool.Stats().Nodes); n != 2 {
		t.Errorf("%d nodes were asked, want both", n)
	}
}

// Where ServiceMaxAmplification forbids an answer, the client is asked over TCP.
func TestAmplificationTruncates(t *testing.T) {
	s, pool := serve(t, dnsmsg.MethodQuery, records(5000), transport.ServiceMaxAmplification(3)), newPool(t)
	answer := ask(t, s.address, extended("example.org", 65000))
	if answer[2]&0x02 == 0 || answer[3]&15 != 0 || len(answer) > 3*len(extended("example.org", 65000)) {
		t.Errorf("answered %x", answer)
	}
	c := dnsmsg.NewClient(pool, transport.Node{Network: "udp", Address: s.address}, dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes)
	if answer, err := c.Endpoint()(testContext(t), extended("example.org", 65000)); err != nil || len(answer.([]byte)) < 5000 {
		t.Errorf("%v, %v", answer, err)
	}
}

// What a Service answers errors with, and what a Client makes of that.
func TestErrorsOfAService(t *testing.T) {
	for _, c := range []struct {
		err   *transport.Error
		rcode byte
		code  transport.Code // 0: an answer
	}{
		{&transport.Error{Code: transport.CodeInvalidArgument}, 1, transport.CodeInvalidArgument},
		{&transport.Error{Code: transport.CodeInternal}, 2, transport.CodeInternal},
		{&transport.Error{Code: transport.CodeNotFound}, 3, 0},
		{&transport.Error{Code: transport.CodeUnimplemented}, 4, transport.CodeUnimplemented},
		{&transport.Error{Code: transport.CodePermissionDenied}, 5, transport.CodePermissionDenied},
		{&transport.Error{Code: transport.CodeUnauthenticated}, 5, transport.CodePermissionDenied},
		{&transport.Error{Code: transport.CodeFailedPrecondition}, 6, transport.CodeFailedPrecondition},
		{&transport.Error{Code: transport.CodeUnavailable}, 2, transport.CodeInternal},
		{transport.Business(9, "not mine"), 9, transport.CodePermissionDenied},
		{transport.Business(99, "no such code"), 2, transport.CodeInternal},
		{&transport.Error{}, 2, transport.CodeInternal},
	} {
		s, pool := serve(t, dnsmsg.MethodQuery, func(context.Context, any) (any, error) { return nil, c.err }), newPool(t)
		for _, p := range []struct {
			network  string
			protocol transport.Protocol
		}{{"udp", dnsmsg.UDP{}}, {"tcp", dnsmsg.TCP{}}} {
			client := transport.NewClient(pool, transport.Node{Network: p.network, Address: s.address}, p.protocol, dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes)
			answer, err := client.Endpoint()(testContext(t), message("example.org"))
			var e *transport.Error
			switch {
			case c.code == 0:
				if m, _ := answer.([]byte); err != nil || m[3]&15 != c.rcode {
					t.Errorf("%v over %s: %x, %v", c.err, p.network, answer, err)
				}
			case !errors.As(err, &e) || e.Code != c.code || e.Status != int(c.rcode) || !e.Remote:
				t.Errorf("%v over %s: %v", c.err, p.network, err)
			}
		}
	}
}

// An error answers all of a request's questions, however many.
func TestErrorsOfSeveralQuestions(t *testing.T) {
	two := append(message("example.org"), message("example.net")[12:]...)
	two[5] = 2
	s, pool := serve(t, dnsmsg.MethodQuery, func(context.Context, any) (any, error) {
		return nil, &transport.Error{Code: transport.CodeInvalidArgument}
	}), newPool(t)
	if answer := ask(t, s.address, two); answer[5] != 2 || !bytes.Equal(answer[12:], two[12:]) {
		t.Errorf("answered %x", answer)
	}
	for network, p := range map[string]transport.Protocol{"udp": dnsmsg.UDP{}, "tcp": dnsmsg.TCP{}} {
		client := transport.NewClient(pool, transport.Node{Network: network, Address: s.address}, p, dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes)
		_, err := client.Endpoint()(testContext(t), two)
		var e *transport.Error
		if !errors.As(err, &e) || e.Code != transport.CodeInvalidArgument || !e.Remote {
			t.Errorf("over %s: %v", network, err)
		}
	}
}

// Requests that cannot be read, or are for nobody, are answered by their ids and questions;
// answers are not.
func TestRequestsThatAreNone(t *testing.T) {
	s := serve(t, dnsmsg.MethodQuery, records(1))
	notify, half, records := message("example.org"), message("example.org"), message("example.org")
	notify[2] |= 4 << 3
	half[5] = 2    // one question is there
	records[7] = 9 // none is there
	for name, c := range map[string]struct {
		request []byte
		rcode   byte
		asked   int
	}{
		"NOTIFY": {notify, 4, 1}, "a question that is missing": {half, 1, 0}, "records that are missing": {records, 1, 1},
	} {
		c.request[0], c.request[1] = 1, 2
		answer := ask(t, s.address, c.request)
		if answer[0] != 1 || answer[1] != 2 || answer[2] != 0x80|c.request[2] || answer[3] != c.rcode || int(answer[5]) != c.asked {
			t.Errorf("%s: answered %x", name, answer)
		}
	}
	response := message("example.org")
	response[2] |= 0x80
	nc, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(waitTime))
	for _, m := range [][]byte{response, notify} {
		if _, err := nc.Write(append([]byte{0, byte(len(m))}, m...)); err != nil {
			t.Fatal(err)
		}
	}
	answer := make([]byte, 100)
	if n, err := nc.Read(answer); err != nil || n < 6 || answer[4]&0x78 != 4<<3 {
		t.Errorf("answered %x, %v: the first answer is to NOTIFY", answer[:n], err)
	}
}

// Answers come in any order, on one connection and on one socket.
func TestOutOfOrder(t *testing.T) {
	release := make(chan struct{})
	slow := message("slow.example.org")
	s := serve(t, dnsmsg.MethodQuery, func(_ context.Context, r any) (any, error) {
		if bytes.Equal(r.([]byte)[2:], slow[2:]) {
			<-release
		}
		return r, nil
	})
	pool := newPool(t)
	first := make(chan error, 2)
	clients := []*transport.Client{
		transport.NewClient(pool, transport.Node{Network: "udp", Address: s.address}, dnsmsg.UDP{}, "", transport.EncodeBytes, transport.DecodeBytes),
		transport.NewClient(pool, transport.Node{Network: "tcp", Address: s.address}, dnsmsg.TCP{}, "", transport.EncodeBytes, transport.DecodeBytes),
	}
	for _, c := range clients {
		go func() { _, err := c.Endpoint()(testContext(t), slow); first <- err }()
		for i := range 50 {
			m := message(fmt.Sprintf("n%d.example.org", i))
			if got, err := c.Endpoint()(testContext(t), m); err != nil || !bytes.Equal(got.([]byte)[12:], m[12:]) {
				t.Fatalf("%v, %v", got, err)
			}
		}
	}
	close(release)
	for range clients {
		if err := bounded.Receive(t, first); err != nil {
			t.Error(err)
		}
	}
}

func TestClientOfAWrongNetwork(t *testing.T) {
	c := dnsmsg.NewClient(newPool(t), transport.Node{Network: "tcp", Address: "127.0.0.1:53"}, "", transport.EncodeBytes, transport.DecodeBytes)
	_, err := c.Endpoint()(testContext(t), message("a"))
	if !errors.Is(c.Err(), transport.ErrInvalidOption) || !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("%v, %v", c.Err(), err)
	}
}

// What UDP fails at is the call's error.
func TestAClientWithoutAnAnswer(t *testing.T) {
	s := serve(t, dnsmsg.MethodQuery, records(100))
	c := dnsmsg.NewClient(newPool(t), transport.Node{Network: "udp", Address: s.address}, dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes)
	defer c.Close()
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if answer, err := c.Endpoint()(ctx, message("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", answer, err)
	}
}
