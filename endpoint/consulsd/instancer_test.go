package consulsd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueriesWaitForWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7, strings.Replace(at("a"), `"ID"`, `"Tags":["v1","mux"],"ID"`, 1), at("b"), strings.Replace(at("c"), `"ID"`, `"Tags":["mux"],"ID"`, 1))
		_, w := follow(t, s, WithTags("mux", "v1"), WithDatacenter("east"))
		if got := w.hears(); got != "[a]" { // the script does not look at tags
			t.Error(got)
		}
		if got := s.heard(); got[0] != "GET /v1/health/service/stock?dc=east&passing=true&tag=mux&tag=v1" {
			t.Errorf("%q", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7, at("a"))
		_, w := follow(t, s)
		if got := w.hears(); got != "[a]" {
			t.Fatal(got)
		}
		time.Sleep(time.Second)
		if got := s.heard(); len(got) != 2 || got[0] != "GET /v1/health/service/stock?passing=true" || !strings.Contains(got[1], "index=7&passing=true&wait=") {
			t.Errorf("%q", got)
		}
		began := time.Now()
		s.says(19, at("a"), at("b"))
		if got := w.hears(); got != "[a b]" || !time.Now().Equal(began) {
			t.Errorf("%s after %v", got, time.Since(began))
		}
		time.Sleep(5 * time.Minute)
		got := s.heard()
		if n := len(got); n < 10 || n > 21 { // each waits from 15 s to 30 s
			t.Errorf("%d queries in five minutes", n)
		}
		for _, q := range got {
			if !strings.Contains(q, "index=19&") {
				t.Errorf("%s", q)
			}
		}
		if got := w.hears(); got != "" {
			t.Errorf("nothing was new, and it told %s", got)
		}
	})
}

// The first index that there can be is one as any other.
func TestTheFirstIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(1, at("a"))
		_, w := follow(t, s)
		time.Sleep(time.Second)
		if got := s.heard(); len(got) != 2 || !strings.Contains(got[1], "?index=1&") {
			t.Errorf("%q", got)
		}
		time.Sleep(5 * time.Minute)
		if n := len(s.heard()); n < 10 || n > 21 {
			t.Errorf("%d queries in five minutes", n)
		}
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
	})
}

// An agent that answers early, with nothing new, is asked again after a pause; one that has waited for half of the time at least, at once.
func TestAnswersOfNothingNew(t *testing.T) {
	for percent, early := range map[time.Duration]bool{40: true, 60: false, 100: false} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript()
			var answered time.Time
			var pauses []time.Duration
			s.spoils(func(r *http.Request) (*http.Response, error) {
				if !answered.IsZero() {
					pauses = append(pauses, time.Since(answered))
				}
				wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
				select {
				case <-time.After(wait * percent / 100):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
				answered = time.Now()
				return said(200, "["+at("a")+"]", "X-Consul-Index", "7"), nil
			})
			i, _ := follow(t, s)
			time.Sleep(2 * time.Minute)
			i.Stop()
			if len(pauses) < 3 {
				t.Fatalf("after %d%% of the time: %d queries", percent, len(pauses))
			}
			for _, pause := range pauses[1:] { // the first is that after a look
				if (pause > 0) != early {
					t.Errorf("after %d%% of the time a pause of %v", percent, pause)
				}
			}
		})
	}
}

// A silent agent has WithTimeout, and where it may wait, WithWait and a sixteenth on top.
func TestTheTimeOfAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		var waits []string
		var times []time.Duration
		var asked []context.Context
		s.spoils(func(r *http.Request) (*http.Response, error) {
			end, _ := r.Context().Deadline()
			waits, times, asked = append(waits, r.URL.Query().Get("wait")), append(times, time.Until(end)), append(asked, r.Context())
			if len(times) > 1 {
				return silent(r)
			}
			return said(200, "["+at("a")+"]", "X-Consul-Index", "7"), nil
		})
		i, _ := follow(t, s, WithTimeout(3*time.Second), WithWait(16*time.Second))
		time.Sleep(time.Second)
		synctest.Wait()
		if asked[0].Err() == nil {
			t.Error("the context of a request outlives its answer")
		}
		i.Stop()
		if len(times) != 2 || times[0] != 3*time.Second {
			t.Fatalf("a look has %v", times)
		}
		wait, err := time.ParseDuration(waits[1])
		if more := times[1] - 3*time.Second - wait*17/16; err != nil || more < 0 || more > 2*time.Millisecond { // less than one is not told
			t.Errorf("a query that may wait for %v has %v, %v", wait, times[1], err)
		}
	})
}

// A success has the pauses begin anew.
func TestPausesBeginAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7, at("a"))
		i, w := follow(t, s)
		s.spoils(down)
		time.Sleep(10 * time.Minute)
		s.spoils(nil)
		i.Refresh()
		time.Sleep(time.Second)
		if got := w.hears(); !strings.HasSuffix(got, "[a]") {
			t.Fatal(got)
		}
		s.heard()
		s.spoils(down)
		time.Sleep(time.Second)
		if n := len(s.heard()); n < 3 { // after 100, 200 and 400 ms, less up to half
			t.Errorf("%d queries in the first second of a failure", n)
		}
	})
}

// Changes without end are asked for at a pace, and the last word is what counts.
func TestAServiceThatFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(1, at("a"))
		_, w := follow(t, s)
		w.hears()
		for n := range 1000 {
			s.says(uint64(2*n+2), at("a"), at("b"))
			s.says(uint64(2*n+3), at("a"))
			time.Sleep(time.Millisecond)
		}
		s.says(5000, at("a"), at("z"))
		last := ""
		for range 10 { // there is a pause between two events
			time.Sleep(100 * time.Millisecond)
			last += w.hears()
		}
		if !strings.HasSuffix(last, "[a z]") {
			t.Error(last)
		}
		if n := len(s.heard()); n > 15 {
			t.Errorf("%d queries in two seconds", n)
		}
	})
}

// A service without a node is an error until it had one.
func TestWhenThereAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7)
		i, w := follow(t, s)
		if got := w.hears(); got != "!it has no node that passes its checks, and never had" {
			t.Error(got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := i.Await(ctx); err == nil || !strings.Contains(err.Error(), "never had") || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		s.says(8, at("a"))
		time.Sleep(10 * time.Second)
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
		time.Sleep(time.Second)
		s.says(9)
		if got := w.hears(); got != "[]" {
			t.Error(got)
		}
	})
}

// What cannot be read of an answer is left out, and named once; what the token may not read is told of, too.
func TestEntriesThatAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		index := 7
		s.spoils(func(*http.Request) (*http.Response, error) {
			index++
			return said(200, `[`+at("a")+`,{"Node":{"Node":"m"},"Service":{"ID":"x","Port":"http"}},`+strings.Replace(at("b"), ":80,", ":0,", 1)+`]`,
				"X-Consul-Index", fmt.Sprint(index), "X-Consul-Results-Filtered-By-ACLs", "true"), nil
		})
		_, w := follow(t, s)
		time.Sleep(time.Minute)
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
		for _, what := range []string{"cannot unmarshal string", "m-b/stock", errHidden.Error()} {
			if n := len(w.Lines(what)); n != 1 {
				t.Errorf("%s: said %d times of %q", what, n, w.Lines(""))
			}
		}
	})
}

// A Set that finds no node asks for a look: that ends a wait, and a pause.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7, at("a"))
		i, _ := follow(t, s)
		time.Sleep(time.Second)
		s.heard()
		i.Refresh()
		if got := s.heard(); len(got) != 1 || strings.Contains(got[0], "index=") {
			t.Errorf("while it waits: %q", got)
		}
		s.spoils(down)
		time.Sleep(10 * time.Minute)
		s.heard()
		i.Refresh()
		if got := s.heard(); len(got) != 1 {
			t.Errorf("in a pause: %q", got)
		}
		for range 1000 { // somebody overdoes it
			i.Refresh()
			time.Sleep(time.Millisecond)
		}
	})
}
