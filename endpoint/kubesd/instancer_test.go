package kubesd

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/internal/bounded"
)

// The API server's own words: two slices, of which one endpoint is in both, one terminates, one is not ready; then changes, a
// bookmark, and a watch that is too old.
func TestListAndWatch(t *testing.T) {
	s := startServer(t, golden(t, "list.json"))
	_, w := follow(t, s, WithPort("mux"))
	first := "10.0.0.1:8080/north/stock-1 10.0.1.1:8080/south/stock-3"
	w.Sees(t, first)
	watch := s.next()
	events := strings.Split(strings.TrimSpace(golden(t, "events.jsonl")), "\n")
	say(t, watch, events[0])
	w.Sees(t, "10.0.0.1:8080/north/stock-1 10.0.1.1:8080/south/stock-3 10.0.1.2:8080/south/stock-4")
	say(t, watch, events[1])
	close(watch) // the server ends it, as it does every few minutes
	watch = s.next()
	say(t, watch, events[2:4]...) // it moves from one slice to another
	last := "10.0.1.1:8080/south/stock-3 10.0.1.2:8080/south/stock-4 10.0.2.1:8080/south/stock-5"
	w.Sees(t, last)
	s.with(func() {
		s.list = listOf("9000", slice(t, "stock-z", "9000", "IPv4", []pod{{Addresses: []string{"10.0.9.9"}}}))
	})
	say(t, watch, events[4]) // 410 in an event
	w.Sees(t, "10.0.9.9:8080")
	watch = s.next()
	gone := true
	s.with(func() {
		s.list = listOf("9100", slice(t, "stock-z", "9100", "IPv4", []pod{{Addresses: []string{"10.0.9.8"}}}))
		s.refuse = func(watch bool) (int, string) {
			if watch && gone {
				gone = false
				return http.StatusGone, `{"kind":"Status","message":"The provided continue parameter is too old","code":410}`
			}
			return http.StatusOK, s.list
		}
	})
	close(watch) // 410 as an answer
	w.Sees(t, "10.0.9.8:8080")
	s.next()
	s.with(func() {
		if fmt.Sprint(s.versions) != "[100 140 9000 9100]" || s.lists != 3 || s.looks != 4 {
			t.Errorf("watches began at %v, %d lists and %d looks", s.versions, s.lists, s.looks)
		}
	})
	if h := w.History(); slices.Contains(h, "") {
		t.Errorf("it told %q", h)
	}
}

func TestManySlicesInPages(t *testing.T) {
	s := startServer(t, "")
	var want []string
	for page := range 3 {
		var all []string
		for n := range 4 {
			var pods []pod
			for k := range 100 {
				address := fmt.Sprintf("10.%d.%d.%d", page, n, k)
				pods = append(pods, pod{Addresses: []string{address}})
				want = append(want, address+":8080")
			}
			all = append(all, slice(t, fmt.Sprintf("stock-%d-%d", page, n), "5", "IPv4", pods))
		}
		text := listOf("7", all...)
		if page < 2 {
			text = strings.Replace(text, `"resourceVersion":"7"`, fmt.Sprintf(`"resourceVersion":"7","continue":"page-%d"`, page+1), 1)
		}
		s.pages = append(s.pages, text)
	}
	_, w := follow(t, s)
	slices.Sort(want)
	w.Sees(t, strings.Join(want, " "))
	close(s.next())
	s.next() // a look has pages too
	s.with(func() {
		if s.lists != 3 || s.looks != 3 {
			t.Errorf("%d lists and %d looks", s.lists, s.looks)
		}
	})
}

// The token is replaced, and the old one does not count any more; likewise what else a server may
// answer.
func TestWhatIsRefused(t *testing.T) {
	s := startServer(t, golden(t, "list.json"))
	i, w := follow(t, s, WithPort("mux"))
	list := "10.0.0.1:8080/north/stock-1 10.0.1.1:8080/south/stock-3"
	w.Sees(t, list)
	watch := s.next()
	s.with(func() { s.token = "second" })
	close(watch)
	w.Fails(t, list, "401 Unauthorized: Unauthorized")
	s.write("token", "second")
	i.Refresh()
	w.Sees(t, list)
	watch = s.next()
	for _, c := range []struct {
		code       int
		body, want string
	}{
		{http.StatusForbidden, `{"kind":"Status","message":"endpointslices is forbidden"}`, "403 Forbidden: endpointslices is forbidden"},
		{http.StatusServiceUnavailable, "apiserver is shutting down\n\x1b[2J", `503 Service Unavailable: "apiserver is shutting down\n\x1b[2J"`},
		{http.StatusFound, "elsewhere", "302 Found"},
	} {
		s.with(func() { s.refuse = func(bool) (int, string) { return c.code, c.body } })
		close(watch)
		w.Fails(t, list, c.want)
		s.with(func() { s.refuse = nil })
		i.Refresh()
		w.Sees(t, list)
		watch = s.next()
	}
	for _, line := range []string{"{", "[]", `{"type":"ADDED","object":{"metadata":{}}}`, `{"type":"MODIFIED","object":7}`,
		`{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcdserver: leader changed"}}`} {
		say(t, watch, `{"type":"NEWER","object":{}}`)
		s.with(func() { s.refuse = func(bool) (int, string) { return http.StatusServiceUnavailable, "not yet" } })
		say(t, watch, line)
		if line == "{" {
			close(watch)
		}
		w.Fails(t, list, "not yet") // the watch has ended
		s.with(func() { s.refuse = nil })
		i.Refresh()
		w.Sees(t, list)
		watch = s.next()
	}
	s.CloseClientConnections()
	watch = s.next() // without a list: it goes on where it was
	s.with(func() { s.list = "{" })
	say(t, watch, `{"type":"ERROR","object":{"code":410}}`)
	w.Fails(t, list, "a list that cannot be read")
	s.with(func() { s.list = `{"items":[]}` })
	i.Refresh()
	w.Fails(t, list, "without resourceVersion")
	s.with(func() { s.list = listOf("1000") })
	i.Refresh()
	w.Sees(t, "") // there was one, and it was taken away
}

func TestAServerThatIsNotThere(t *testing.T) {
	s := startServer(t, listOf("1"))
	_, w := follow(t, s)
	w.Fails(t, "", "it has no EndpointSlice")
	hanging := make(chan struct{})
	defer close(hanging)
	silent := startServer(t, "")
	silent.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hanging:
		case <-r.Context().Done():
		}
	})
	i, w := follow(t, silent, WithTimeout(100*time.Millisecond))
	w.Fails(t, "", "context deadline exceeded")
	bounded.Wait(t, i.Stop)
	silent.write("ca.crt", "none")
	_, w = follow(t, silent)
	w.Fails(t, "", "holds no certificate")
}

// A logger that panics does not end the follower.
func TestALoggerThatPanics(t *testing.T) {
	s := startServer(t, listOf("1", slice(t, "stock-1", "1", "IPv4", []pod{{Addresses: []string{"a b"}}, {Addresses: []string{"10.0.0.1"}}})))
	_, w := follow(t, s, WithLogger(log.LoggerFunc(func(...any) error { panic("no") })))
	w.Sees(t, "10.0.0.1:8080")
	s.next()
}

func yes(b bool) *bool { return &b }

func TestWhoIsNamed(t *testing.T) {
	at := func(address string, ready, serving, terminating *bool, zones ...string) (p pod) {
		p.Addresses = []string{address}
		p.Conditions.Ready, p.Conditions.Serving, p.Conditions.Terminating = ready, serving, terminating
		for _, z := range zones {
			p.Hints.ForZones = append(p.Hints.ForZones, struct {
				Name string `json:"name"`
			}{z})
		}
		return p
	}
	well := func(address string, zones ...string) pod {
		return at(address, yes(true), yes(true), yes(false), zones...)
	}
	leaving := func(address string) pod { return at(address, yes(false), yes(true), yes(true)) }
	mux := []port{{"mux", 8080}}
	one := func(pods ...pod) []endpointSlice {
		return []endpointSlice{{AddressType: "IPv4", Endpoints: pods, Ports: mux}}
	}
	for _, c := range []struct {
		name   string
		slices []endpointSlice
		cfg    config
		want   string
	}{
		{"nothing is said: it is ready", one(at("10.0.0.1", nil, nil, nil)), config{}, "10.0.0.1:8080"},
		{"ready, not ready, leaving, gone", one(well("10.0.0.1"), at("10.0.0.2", yes(false), yes(false), yes(false)), leaving("10.0.0.3"), at("10.0.0.4", yes(false), yes(false), yes(true))), config{}, "10.0.0.1:8080"},
		{"all are leaving", one(leaving("10.0.0.3"), at("10.0.0.4", yes(false), yes(false), yes(true)), leaving("10.0.0.1")), config{}, "10.0.0.1:8080 10.0.0.3:8080"},
		{"leaving, and nothing else is said", one(at("10.0.0.1", yes(false), nil, yes(true)), at("10.0.0.2", yes(false), nil, nil)), config{}, "10.0.0.1:8080"},
		{"serving, but not ready nor leaving", one(at("10.0.0.1", yes(false), yes(true), nil)), config{}, ""},
		{"none", one(), config{}, ""},
		{"in two slices", append(one(leaving("10.0.0.1")), one(well("10.0.0.1"), well("10.0.0.2"))...), config{}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"in two slices, the other way round", append(one(well("10.0.0.1"), well("10.0.0.2")), one(leaving("10.0.0.1"))...), config{}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"several addresses are one endpoint", one(pod{Addresses: []string{"10.0.0.1", "10.0.0.2"}}), config{}, "10.0.0.1:8080"},
		{"an endpoint without an address", one(pod{}, well("10.0.0.1")), config{}, "10.0.0.1:8080"},
		{"nothing but nonsense", one(pod{}, pod{Addresses: []string{"a b"}}), config{}, "none of 2 entries"},
		{"two families", append([]endpointSlice{{AddressType: "IPv6", Endpoints: []pod{well("fd00::1")}, Ports: mux}}, one(well("10.0.0.1"))...), config{}, "10.0.0.1:8080"},
		{"two families, the other", append([]endpointSlice{{AddressType: "IPv6", Endpoints: []pod{well("fd00::1")}, Ports: mux}}, one(well("10.0.0.1"))...), config{family: "IPv6"}, "[fd00::1]:8080"},
		{"one family", []endpointSlice{{AddressType: "IPv6", Endpoints: []pod{well("fd00::1")}, Ports: mux}}, config{}, "[fd00::1]:8080"},
		{"a port by name", []endpointSlice{{AddressType: "IPv4", Endpoints: []pod{well("10.0.0.1")}, Ports: []port{{"a", 1}, {"b", 2}}}}, config{port: "b"}, "10.0.0.1:2"},
		{"which port?", []endpointSlice{{AddressType: "IPv4", Endpoints: []pod{well("10.0.0.1")}, Ports: []port{{"a", 1}, {"b", 2}}}}, config{}, "none of 1 entries is an instance; the first: it has 2 ports: say which, WithPort"},
		{"a port that another slice lacks", append([]endpointSlice{{AddressType: "IPv4", Endpoints: []pod{well("10.0.0.1")}, Ports: []port{{"a", 1}}}}, one(well("10.0.0.2"))...), config{port: "mux"}, "10.0.0.2:8080"},
		{"a family of which there is none now", append(one(), endpointSlice{AddressType: "IPv6", Endpoints: []pod{well("fd00::1")}, Ports: mux}), config{}, "[fd00::1]:8080"},
		{"no such port", one(well("10.0.0.1")), config{port: "b"}, "no port \"b\""},
		{"all ports", []endpointSlice{{AddressType: "IPv4", Endpoints: []pod{well("10.0.0.1")}, Ports: []port{{"a", 0}}}}, config{}, "is 0"},
		{"hints for zones", one(well("10.0.0.1", "a"), well("10.0.0.2", "b"), well("10.0.0.3", "b", "a")), config{zone: "a"}, "10.0.0.1:8080 10.0.0.3:8080"},
		{"hints, of which one is missing", one(well("10.0.0.1", "a"), well("10.0.0.2")), config{zone: "a"}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"hints for others", one(well("10.0.0.1", "a"), well("10.0.0.2", "b")), config{zone: "c"}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"hints, and no zone of our own", one(well("10.0.0.1", "a"), well("10.0.0.2", "b")), config{}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"hints of those that leave do not count", one(at("10.0.0.1", yes(false), yes(true), yes(true), "a"), at("10.0.0.2", yes(false), yes(true), yes(true), "b")), config{zone: "a"}, "10.0.0.1:8080 10.0.0.2:8080"},
		{"hints of those that are ready count", one(well("10.0.0.1", "a"), leaving("10.0.0.2")), config{zone: "a"}, "10.0.0.1:8080"},
	} {
		all := make(map[string]endpointSlice)
		for n, s := range c.slices {
			all[fmt.Sprint(n)] = s
		}
		var i Instancer
		list, err := c.cfg.merge(all, &i.complaints)
		var got []string
		for _, in := range list {
			got = append(got, in.Address)
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
		}
		if text != c.want && (err == nil || !strings.Contains(text, c.want)) {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

// Of slices that tell of one address differently the first counts, by their names.
func TestWhatIsSaidFirst(t *testing.T) {
	all := make(map[string]endpointSlice)
	for _, zone := range []string{"a", "b", "c"} {
		all[zone] = endpointSlice{AddressType: "IPv4", Endpoints: []pod{{Addresses: []string{"10.0.0.1"}, Zone: zone}}, Ports: []port{{"mux", 8080}}}
	}
	var i Instancer
	list, err := i.cfg.merge(all, &i.complaints)
	if err != nil || len(list) != 1 || list[0].Zone != "a" {
		t.Errorf("%v, %v", list, err)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	here := []Option{WithServer("https://10.0.0.1"), WithNamespace("shop")}
	for name, opts := range map[string][]Option{
		"WithServer: not given":    {WithNamespace("shop")},
		"WithServer(\"ftp":         {WithServer("ftp://x"), WithNamespace("shop")},
		"WithServer(\"10.0":        {WithServer("10.0.0.1"), WithNamespace("shop")},
		"WithServer(\"https://\")": {WithServer("https://"), WithNamespace("shop")},
		"WithServer(\"https://a?":  {WithServer("https://a?b=c"), WithNamespace("shop")},
		"WithServer(\"https://b@":  {WithServer("https://b@a"), WithNamespace("shop")},
		"WithServer(\"https://a:b": {WithServer("https://a:b"), WithNamespace("shop")},
		"WithNamespace: not given": {WithServer("https://10.0.0.1"), WithServiceAccount(t.TempDir())},
		"WithNamespace(\"A\")":     append(slices.Clone(here), WithNamespace("A")),
		"WithFamily":               append(slices.Clone(here), WithFamily("IPv5")),
		"WithTimeout":              append(slices.Clone(here), WithTimeout(-1)),
		"WithGrace":                append(slices.Clone(here), WithGrace(-1)),
	} {
		if _, err := NewInstancer("stock", opts...); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, service := range []string{"", "stock/../x", "Stock", "a.b", strings.Repeat("a", 64)} {
		if _, err := NewInstancer(service, here...); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("%q: %v", service, err)
		}
	}
}
