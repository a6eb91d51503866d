package kubesd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wire is an API server that answers as a test says, and counts what is closed. It is an http.RoundTripper.
type wire struct {
	answer func(r *http.Request) (*http.Response, error)
	bodies atomic.Int64 // that were closed
	idle   atomic.Int64 // times that idle connections were
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.answer(r)
	if err == nil {
		answer.Body = wireBody{answer.Body, w}
	}
	return answer, err
}

func (w *wire) CloseIdleConnections() { w.idle.Add(1) }

type wireBody struct {
	io.Reader
	of *wire
}

func (b wireBody) Close() error { b.of.bodies.Add(1); return nil }

func said(code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body))}
}

// api is who asks over the wire.
func (w *wire) api(t *testing.T) *api {
	t.Helper()
	account := t.TempDir()
	if err := os.WriteFile(filepath.Join(account, "token"), []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &api{cfg: config{server: "http://wire", account: account, namespace: "shop", timeout: 5 * time.Second}, service: "stock", client: &http.Client{Transport: w}}
}

// Each answer is closed, whatever it was, so that its connection can be used again; and each request says who asks.
func TestAnswersAreClosed(t *testing.T) {
	for name, c := range map[string]struct {
		watch bool
		code  int
		body  string
		want  string
	}{
		"a list":             {false, http.StatusOK, listOf("1"), ""},
		"no list":            {false, http.StatusOK, "[]", "a list that cannot be read: json: cannot unmarshal array into Go value of type kubesd.sliceList"},
		"no list is allowed": {false, http.StatusForbidden, "no", "403 Forbidden: no"},
		"a watch":            {true, http.StatusOK, "", ""},
		"no watch":           {true, http.StatusOK, "x", "watching: invalid character 'x' looking for beginning of value"},
		"none is allowed":    {true, http.StatusForbidden, "no", "403 Forbidden: no"},
		"it is too old":      {true, http.StatusGone, "too old", "410 Gone: too old"},
	} {
		agent := ""
		var asked context.Context
		w := &wire{answer: func(r *http.Request) (*http.Response, error) {
			agent, asked = r.Header.Get("User-Agent"), r.Context()
			return said(c.code, c.body), nil
		}}
		a := w.api(t)
		var err error
		if c.watch {
			err = a.watch(t.Context(), "1", func() {}, func(watchEvent) error { return nil })
		} else {
			_, _, err = a.list(t.Context(), whole)
		}
		if err == nil && c.want != "" || err != nil && err.Error() != c.want || errors.Is(err, errGone) != (c.code == http.StatusGone) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if n := w.bodies.Load(); n != 1 {
			t.Errorf("%s: closed %d times", name, n)
		}
		if asked.Err() == nil {
			t.Errorf("%s: the context of the request outlives it", name)
		}
		if agent != "muxkit-kubesd" {
			t.Errorf("%s: who asks is %q", name, agent)
		}
	}
}

// A server that takes a request for a watch and does not answer is given up after WithTimeout.
func TestAWatchThatDoesNotBegin(t *testing.T) {
	w := &wire{answer: func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}}
	a := w.api(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := a.watch(t.Context(), "1", func() { t.Error("it has begun") }, nil)
		if took := time.Since(began); took != 5*time.Second || err == nil || err.Error() != "no answer in 5s" {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// A watch is asked for, for from two to four minutes, and has WithTimeout more. 100 draws that miss a quarter of that are
// chance once in 10¹².
func TestTheTimeOfAWatch(t *testing.T) {
	least := time.Hour
	w := &wire{answer: func(r *http.Request) (*http.Response, error) {
		seconds, _ := strconv.Atoi(r.URL.Query().Get("timeoutSeconds"))
		end, _ := r.Context().Deadline()
		length := time.Duration(seconds) * time.Second
		if more := time.Until(end) - length; more < 5*time.Second || more >= 6*time.Second {
			t.Errorf("a watch of %v has %v more", length, more)
		}
		least = min(least, length)
		return said(http.StatusOK, ""), nil
	}}
	a := w.api(t)
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			if err := a.watch(t.Context(), "1", func() {}, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
	if least < 2*time.Minute || least > 150*time.Second {
		t.Errorf("of 100 watches the shortest is of %v", least)
	}
}

// What a refusal says are the words of its Status, if it is one.
func TestTheWordsOfARefusal(t *testing.T) {
	for words, want := range map[string]string{
		`{"kind":"Status","message":"no"}`:  "no",
		`{"kind":"Status"}`:                 `{"kind":"Status"}`,
		`{"message":"no","code":"unheard"}`: `{"message":"no","code":"unheard"}`,
		"no":                                "no",
		"":                                  "",
	} {
		if err := refusal(http.StatusInternalServerError, []byte(words)); err.Error() != "500 Internal Server Error: "+want || errors.Is(err, errGone) {
			t.Errorf("%s: %v", words, err)
		}
		if err := refusal(http.StatusGone, []byte(words)); err.Error() != "410 Gone: "+want || !errors.Is(err, errGone) {
			t.Errorf("%s: %v", words, err)
		}
	}
}
