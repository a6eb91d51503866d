package contenders

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	gokithttp "github.com/go-kit/kit/transport/http"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// gokitHTTP is Go kit's http transport on both sides, with a connection for each
// caller, kept alive.
type gokitHTTP struct {
	bytes bool // the payload is the body, not a field of a JSON object
}

type jsonPayload struct {
	Data []byte `json:"data"`
}

func (h gokitHTTP) Info() harness.Info {
	info := harness.Info{
		Name:     "gokit-http",
		About:    "Go kit transport/http client and server, JSON (bytes in base64), a kept connection per caller",
		Contexts: true,
		Nets:     harness.AllNets,
	}
	if h.bytes {
		info.Name = "gokit-http-bytes"
		info.About = "Go kit transport/http client and server, the payload as the body, a kept connection per caller"
	}
	return info
}

func (h gokitHTTP) Serve(env harness.Env) (string, error) {
	l, err := env.Listen()
	if err != nil {
		return "", err
	}
	server := gokithttp.NewServer(echoEndpoint, decodeJSONRequest, encodeJSONResponse)
	if h.bytes {
		server = gokithttp.NewServer(echoEndpoint, decodeBytesRequest, encodeBytesResponse)
	}
	go http.Serve(l, server)
	return l.Addr().String(), nil
}

func (h gokitHTTP) Dial(env harness.Env) (harness.Client, error) {
	client := gokithttp.SetClient(&http.Client{Transport: &http.Transport{
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return env.DialConn() },
		MaxIdleConns:        env.Callers,
		MaxIdleConnsPerHost: env.Callers,
		DisableCompression:  true,
	}})
	target := &url.URL{Scheme: "http", Host: "muxbench", Path: "/echo"}
	call := endpointCall(gokithttp.NewClient("POST", target, encodeJSONRequest, decodeJSONResponse, client).Endpoint())
	if h.bytes {
		call = endpointCall(gokithttp.NewClient("POST", target, encodeBytesRequest, decodeBytesResponse, client).Endpoint())
	}
	return harness.ClientFunc(func(int) (harness.Call, error) { return call, nil }), nil
}

func encodeJSONRequest(ctx context.Context, r *http.Request, request any) error {
	return gokithttp.EncodeJSONRequest(ctx, r, jsonPayload{request.([]byte)})
}

func decodeJSONRequest(_ context.Context, r *http.Request) (any, error) { return decodeJSON(r.Body) }

func encodeJSONResponse(ctx context.Context, w http.ResponseWriter, response any) error {
	return gokithttp.EncodeJSONResponse(ctx, w, jsonPayload{response.([]byte)})
}

func decodeJSONResponse(_ context.Context, r *http.Response) (any, error) { return decodeJSON(r.Body) }

// decodeJSON reads the body to its end: a connection is only reused then.
func decodeJSON(body io.Reader) (any, error) {
	var p jsonPayload
	if err := json.NewDecoder(body).Decode(&p); err != nil {
		return nil, err
	}
	_, err := io.Copy(io.Discard, body)
	return p.Data, err
}

func encodeBytesRequest(_ context.Context, r *http.Request, request any) error {
	payload := request.([]byte)
	r.ContentLength = int64(len(payload))
	r.Body = io.NopCloser(bytes.NewReader(payload))
	return nil
}

func decodeBytesRequest(_ context.Context, r *http.Request) (any, error) {
	return readBody(r.Body, r.ContentLength)
}

func encodeBytesResponse(_ context.Context, w http.ResponseWriter, response any) error {
	payload := response.([]byte)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(payload)))
	_, err := w.Write(payload)
	return err
}

func decodeBytesResponse(_ context.Context, r *http.Response) (any, error) {
	return readBody(r.Body, r.ContentLength)
}

func readBody(body io.Reader, length int64) (any, error) {
	payload := make([]byte, length)
	_, err := io.ReadFull(body, payload)
	return payload, err
}
