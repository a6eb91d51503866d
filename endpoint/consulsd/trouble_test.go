package consulsd

import (
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// An index that goes backwards: it is asked for anew, and nodes that are missing have a minute to come back.
func TestConsulLosesItsData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(1000, at("a"), at("b"), at("c"))
		_, w := follow(t, s)
		time.Sleep(time.Second)
		w.hears()
		s.heard()
		s.says(3)
		time.Sleep(time.Second)
		got := s.heard()
		if len(got) != 2 || strings.Contains(got[0], "index=") || !strings.Contains(got[1], "index=3&") {
			t.Errorf("it was asked %q", got)
		}
		s.says(5, at("b"))
		time.Sleep(30 * time.Second)
		if got := w.hears(); got != "" || len(w.Lines("has lost its data")) != 1 {
			t.Errorf("it told %s, %q", got, w.Lines(""))
		}
		s.says(6, at("b"), at("d"))
		if got := w.hears(); got != "[a b c d]" {
			t.Error(got)
		}
		s.spoils(down)
		time.Sleep(time.Minute)
		if got := w.hears(); got != "!connection refused" { // what is held is released by nobody else
			t.Error(got)
		}
		s.spoils(nil)
		time.Sleep(10 * time.Second)
		if got := w.hears(); got != "[b d]" {
			t.Error(got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // they are released while it waits, too
		s := newScript()
		s.says(1000, at("a"), at("b"))
		_, w := follow(t, s, WithGrace(10*time.Second))
		time.Sleep(time.Second)
		s.says(3, at("b"))
		time.Sleep(9 * time.Second)
		if got := w.hears(); got != "[a b]" {
			t.Error(got)
		}
		time.Sleep(2 * time.Second)
		if got := w.hears(); got != "[b]" || len(w.Lines("not named any more")) != 1 {
			t.Errorf("%s, %q", got, w.Lines(""))
		}
	})
	synctest.Test(t, func(t *testing.T) { // who is back, and then leaves as it should, is not held
		s := newScript()
		s.says(1000, at("a"), at("b"))
		_, w := follow(t, s)
		time.Sleep(time.Second)
		w.hears()
		s.says(3, at("b"))
		time.Sleep(time.Second)
		s.says(4)
		time.Sleep(time.Second)
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
	})
}

// Whatever is answered instead of an answer, the list stands, the error is told once, and it comes back.
func TestAnswersThatAreNone(t *testing.T) {
	always := func(code int, body string, header ...string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return said(code, body, header...), nil }
	}
	indexed := func(body string) func(*http.Request) (*http.Response, error) {
		return always(200, body, "X-Consul-Index", "9")
	}
	for name, c := range map[string]struct {
		spoil func(*http.Request) (*http.Response, error)
		want  string
	}{
		"nobody is there":       {down, "!connection refused"},
		"silence":               {silent, "!no answer: context deadline exceeded"},
		"no leader":             {always(500, "No cluster leader"), "!500 Internal Server Error: No cluster leader"},
		"too many queries":      {always(429, "Your IP is issuing too many concurrent connections, please rate limit your calls\n"), "!429 Too Many Requests: Your IP is issuing too many concurrent connections, please rate limit your calls"},
		"the token's end":       {always(403, "ACL not found"), "!403 Forbidden: ACL not found"},
		"redirected":            {always(301, "", "Location", "http://elsewhere"), "!301 Moved Permanently: "},
		"what moves a terminal": {always(500, "\x1b[2J"), `!500 Internal Server Error: "\x1b[2J"`},
		"hidden by the ACL":     {always(200, "[]", "X-Consul-Index", "9", "X-Consul-Results-Filtered-By-ACLs", "true"), "!" + errHidden.Error()},
		"hidden from strangers": {always(200, "[]", "X-Consul-Index", "9", "X-Consul-Default-Acl-Policy", "deny"), "!" + errAnonymous.Error()},
		"no index":              {always(200, "[]"), `!an answer whose X-Consul-Index is "": is that Consul?`},
		"index 0":               {always(200, "[]", "X-Consul-Index", "0"), `!an answer whose X-Consul-Index is "0": is that Consul?`},
		"index -1":              {always(200, "[]", "X-Consul-Index", "-1"), `!an answer whose X-Consul-Index is "-1": is that Consul?`},
		"no JSON":               {indexed("<html>"), "!an answer that cannot be read: invalid character '<' looking for beginning of value"},
		"no list":               {indexed(`{"Node":{}}`), "!an answer that cannot be read: json: cannot unmarshal object into Go value of type []json.RawMessage"},
		"cut":                   {indexed(`[{"Node":`), "!an answer that cannot be read: unexpected end of JSON input"},
		"entries that are none": {indexed(`[7,{"Service":{"Port":80}}]`), "!none of 2 entries is an instance; the first: neither the service nor its machine has an address"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript()
				s.says(7, at("a"), at("b"))
				i, w := follow(t, s)
				time.Sleep(time.Minute)
				w.hears()
				s.heard()
				s.spoils(c.spoil)
				time.Sleep(time.Minute)
				if got := w.hears(); got != c.want {
					t.Errorf("it told %s, want %s", got, c.want)
				}
				asked := s.heard()
				if n := len(asked); n < 4 || n > 25 {
					t.Errorf("it asked %d times in a minute", n)
				}
				if strings.Contains(strings.Join(asked, " "), "index=") { // it looks anew
					t.Errorf("it asked %q", asked)
				}
				s.spoils(nil)
				i.Refresh()
				if got := w.hears(); got != "[a b]" && name != "silence" {
					t.Errorf("then %s", got)
				}
			})
		})
	}
}

// An agent that answers at once, with nothing new, is not asked without end.
func TestAnAgentThatDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.spoils(func(*http.Request) (*http.Response, error) {
			return said(200, "["+at("a")+"]", "X-Consul-Index", "7"), nil
		})
		_, w := follow(t, s)
		time.Sleep(10 * time.Minute)
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
		if n := len(s.heard()); n > 150 {
			t.Errorf("asked %d times in ten minutes", n)
		}
	})
}

// The token is looked for at each request.
func TestTokensThatAreReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	put := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("first\n")
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7, at("a"))
		i, w := follow(t, s, WithTokenFile(file))
		time.Sleep(time.Second)
		w.hears()
		put("second\n")
		time.Sleep(time.Second)
		i.Refresh()
		time.Sleep(time.Second)
		put("")
		i.Refresh()
		time.Sleep(time.Second)
		if got := w.hears(); !strings.HasSuffix(got, "is empty") {
			t.Error(got)
		}
		os.Remove(file)
		time.Sleep(time.Minute)
		if got := w.hears(); !strings.HasSuffix(got, "no such file or directory") {
			t.Error(got)
		}
		put("third")
		i.Refresh()
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
		if got := strings.Join(s.tokens, " "); !strings.HasPrefix(got, "first first second") || !strings.HasSuffix(got, "third") && !strings.HasSuffix(got, "third third") {
			t.Error(got)
		}
	})
}

// A function for the token, or a client of one's own, that panics, ends its goroutine or does not return is as good as an agent
// that does not answer: the list stands, Stop does not wait for it, and a Registrar goes on trying.
func TestCodeOfTheUsersOwn(t *testing.T) {
	type code struct {
		fails func(release <-chan struct{})
		says  string
	}
	for name, c := range map[string]code{
		"panics":             {func(<-chan struct{}) { panic("boom") }, "panicked: boom"},
		"ends its goroutine": {func(<-chan struct{}) { runtime.Goexit() }, "ended its goroutine"},
		"does not return":    {func(release <-chan struct{}) { <-release }, "has not returned"},
	} {
		for _, whose := range []string{"WithToken's function", "WithHTTPClient's client"} {
			t.Run(whose+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					release := make(chan struct{})
					defer close(release)
					var broken atomic.Bool
					token := func() (string, error) {
						if broken.Load() && whose == "WithToken's function" {
							c.fails(release)
						}
						return "", nil
					}
					s := newScript()
					s.says(7, at("a"))
					i, w := follow(t, s, WithToken(token))
					r, err := NewRegistrar("stock", muxendpoint.Instance{Address: "b:80"}, WithHTTPClient(&http.Client{Transport: s}), WithToken(token))
					if err != nil {
						t.Fatal(err)
					}
					if got := w.hears(); got != "[a]" {
						t.Fatal(got)
					}
					broken.Store(true)
					s.spoils(func(*http.Request) (*http.Response, error) {
						if whose == "WithHTTPClient's client" {
							c.fails(release)
						}
						return nil, errDown
					})
					r.Register()
					i.Refresh()
					time.Sleep(2 * time.Minute)
					if got := w.hears(); !strings.HasPrefix(got, "!") || !strings.Contains(got, whose+" "+c.says) || strings.Contains(got, "[") {
						t.Errorf("it told %s", got)
					}
					if err := r.Err(); err == nil || !strings.Contains(err.Error(), whose+" ") {
						t.Errorf("the Registrar's error is %v", err)
					}
					began := time.Now()
					i.Stop()
					r.Deregister()
					if took := time.Since(began); took > 2*defaultTimeout+time.Second {
						t.Errorf("Stop and Deregister took %v", took)
					}
				})
			})
		}
	}
}

// The longest time there is for an answer is no bound, beside whatever it is added to.
func TestTheLongestTimeForAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript()
		s.says(7, at("a"))
		_, w := follow(t, s, WithTimeout(math.MaxInt64))
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
		time.Sleep(time.Minute)
		s.says(8, at("b"))
		time.Sleep(time.Second)
		if got := w.hears(); got != "[b]" {
			t.Errorf("it told %s", got)
		}
	})
}

// A logger that panics ends no follower, and no stay.
func TestALoggerThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := WithLogger(log.LoggerFunc(func(...any) error { panic("no") }))
		s := newScript()
		s.says(7, at("a"), strings.Replace(at("b"), ":80,", ":0,", 1))
		_, w := follow(t, s, l)
		if got := w.hears(); got != "[a]" {
			t.Error(got)
		}
		var h holder
		s.spoils(h.answer)
		r := registrarOf(t, s, l)
		r.Register()
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		r.Deregister()
	})
}
