package consulsd

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// What becomes of an entry, in the form that Consul v1.14.11 gave it; later versions add localities.
func TestWhoIsNamed(t *testing.T) {
	const whole = `{"Node":{"ID":"cfa9ae91-918e-5b8a-4453-b6e2b0e8f426","Node":"m1","Address":"127.0.0.1","Datacenter":"dc1","TaggedAddresses":null,"Meta":{"zone":"rack-7"},"CreateIndex":18,"ModifyIndex":18},
		"Service":{"ID":"stock-1","Service":"stock","Tags":["mux","v1"],"Address":"10.0.0.1","TaggedAddresses":{},"Meta":{"zone":"north","version":"7","muxkit-registrar":"X"},"Port":8080,
			"Weights":{"Passing":200,"Warning":3},"EnableTagOverride":false,"Proxy":{"Mode":""},"Connect":{},"PeerName":"","CreateIndex":28,"ModifyIndex":28},
		"Checks":[{"Node":"m1","CheckID":"serfHealth","Status":"passing"},{"CheckID":"service:stock-1","Status":"passing","Type":"ttl"}]}`
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(whole) }
	const all = `"labels":{"node":"m1","tags":"mux,v1","version":"7"}}`
	for _, c := range []struct {
		name, entry string
		cfg         config
		want        string // empty: not named; "!": an error
	}{
		{"as it is", whole, config{}, `{"address":"10.0.0.1:8080","weight":200,"zone":"north",` + all},
		{"the machine's address", with("10.0.0.1", ""), config{}, `{"address":"127.0.0.1:8080","weight":200,"zone":"north",` + all},
		{"IPv6", with("10.0.0.1", "fd00::2"), config{}, `{"address":"[fd00::2]:8080","weight":200,"zone":"north",` + all},
		{"IPv6 of the machine", with("10.0.0.1", "", "127.0.0.1", "fd00::9"), config{}, `{"address":"[fd00::9]:8080","weight":200,"zone":"north",` + all},
		{"IPv6 in brackets", with("10.0.0.1", "[fd00::2]"), config{}, `{"address":"[fd00::2]:8080","weight":200,"zone":"north",` + all},
		{"a name", with("10.0.0.1", "stock.example.org"), config{}, `{"address":"stock.example.org:8080","weight":200,"zone":"north",` + all},
		{"the machine's zone", with(`"zone":"north",`, ""), config{}, `{"address":"10.0.0.1:8080","weight":200,"zone":"rack-7",` + all},
		{"a locality", with(`"zone":"north",`, "", `"PeerName"`, `"Locality":{"Region":"r","Zone":"z1"},"PeerName"`), config{}, `{"address":"10.0.0.1:8080","weight":200,"zone":"z1",` + all},
		{"the machine's locality", with(`"zone":"north",`, "", `"TaggedAddresses":null`, `"Locality":{"Zone":"z2"}`), config{}, `{"address":"10.0.0.1:8080","weight":200,"zone":"z2",` + all},
		{"no weight", with(`"Passing":200`, `"Passing":1`), config{}, `{"address":"10.0.0.1:8080","zone":"north",` + all},
		{"no weights, as of old", with(`"Passing":200,"Warning":3`, ""), config{}, `{"address":"10.0.0.1:8080","zone":"north",` + all},
		{"nothing else", with(`"mux","v1"`, "", `"zone":"north","version":"7","muxkit-registrar":"X"`, "", `"zone":"rack-7"`, "", "200", "1", `"Node":"m1","Address"`, `"Node":"","Address"`), config{},
			`{"address":"10.0.0.1:8080","labels":{"node":""}}`},
		{"its meta counts before", with(`"version":"7"`, `"node":"mine"`), config{}, `{"address":"10.0.0.1:8080","weight":200,"zone":"north","labels":{"node":"mine","tags":"mux,v1"}}`},
		{"critical", with(`"passing","Type"`, `"critical","Type"`), config{}, ""},
		{"critical, where warnings are named", with(`"passing","Type"`, `"critical","Type"`), config{warning: true}, ""},
		{"the machine is critical", with(`"serfHealth","Status":"passing"`, `"serfHealth","Status":"critical"`), config{}, ""},
		{"of a newer Consul", with(`"passing","Type"`, `"dozing","Type"`), config{}, ""},
		{"warning", with(`"passing","Type"`, `"warning","Type"`), config{}, ""},
		{"warning, and named", with(`"passing","Type"`, `"warning","Type"`), config{warning: true},
			`{"address":"10.0.0.1:8080","weight":3,"zone":"north","labels":{"health":"warning","node":"m1","tags":"mux,v1","version":"7"}}`},
		{"warning, of a weight of one", with(`"passing","Type"`, `"warning","Type"`, `"Warning":3`, `"Warning":1`), config{warning: true},
			`{"address":"10.0.0.1:8080","zone":"north","labels":{"health":"warning","node":"m1","tags":"mux,v1","version":"7"}}`},
		{"a single tag", with(`"mux","v1"`, `"mux"`), config{}, `{"address":"10.0.0.1:8080","weight":200,"zone":"north","labels":{"node":"m1","tags":"mux","version":"7"}}`},
		{"warning, of no weight", with(`"passing","Type"`, `"warning","Type"`, `"Warning":3`, `"Warning":0`), config{warning: true}, ""},
		{"tags", whole, config{tags: []string{"v1", "mux"}}, `{"address":"10.0.0.1:8080","weight":200,"zone":"north",` + all},
		{"other tags", whole, config{tags: []string{"v1", "v2"}}, ""},
		{"the first port", with("8080", "1"), config{}, `{"address":"10.0.0.1:1","weight":200,"zone":"north",` + all},
		{"the last port", with("8080", "65535"), config{}, `{"address":"10.0.0.1:65535","weight":200,"zone":"north",` + all},
		{"the largest weight", with("200", "65535"), config{}, `{"address":"10.0.0.1:8080","weight":65535,"zone":"north",` + all},
		{"a port behind the last", with("8080", "65536"), config{}, "!its port is 65536"},
		{"no port", with("8080", "0"), config{}, "!its port is 0"},
		{"a port that is none", with("8080", "70000"), config{}, "!its port is 70000"},
		{"no address", with("10.0.0.1", "", "127.0.0.1", ""), config{}, "!neither"},
		{"no address of a node", with("10.0.0.1", "a b"), config{}, "!a b"},
		{"no number", with("8080", `"http"`), config{}, "!cannot unmarshal"},
		{"a weight below none", with("200", "-1"), config{}, "!its weight is -1"},
		{"a weight above all", with("200", "65536"), config{}, "!its weight is 65536"},
		{"null", "null", config{}, "!neither"},
		{"more than an instance can be", with(`"version":"7"`, `"version":"`+strings.Repeat("7", 64<<10)+`"`), config{}, "!65536 are allowed"},
	} {
		_, in, named, err := parse([]byte(c.entry), &c.cfg)
		fault, wrong := strings.CutPrefix(c.want, "!")
		switch {
		case wrong:
			if err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%s: %s, %v, want an error with %q", c.name, in, err, fault)
			}
		case err != nil || named != (c.want != "") || named && in.String() != c.want:
			t.Errorf("%s: named %v, %s, %v\nwant %s", c.name, named, in, err, c.want)
		}
	}
}

func TestAnAddressCountsOnce(t *testing.T) {
	var e entries
	a := answer{index: 1, entries: []json.RawMessage{[]byte(at("b")), []byte(at("a")), []byte(strings.Replace(at("a"), `"stock"`, `"stock-2"`, 1))}}
	if _, err := e.list(a, &config{}); err != nil {
		t.Fatal(err)
	}
	if got := e.instances(); len(got) != 2 || got[0].Address != "a:80" || got[1].Address != "b:80" {
		t.Errorf("%v", got)
	}
}

// Whatever is answered, it is an error, or a list of nodes that can be called, each once, in order.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"[]", "null", "[null]", "[" + at("a") + "," + at("b") + "]", "[" + at("a") + "," + strings.Replace(at("b"), ":80,", ":0,", 1) + "]",
		`[{"Service":{"Port":1}}]`, `{"a":1}`, "[" + strings.Replace(at("x"), "passing", "warning", 1) + "]", strings.Repeat("[", 100)} {
		f.Add([]byte(s), "9", true, true)
		f.Add([]byte(s), "0", false, false)
	}
	f.Fuzz(func(t *testing.T, body []byte, index string, tokened, warning bool) {
		a, err := readAnswer(reply{body: body, header: http.Header{"X-Consul-Index": {index}}, tokened: tokened})
		if err != nil {
			return
		}
		e := entries{byID: map[string]muxendpoint.Instance{"m/old": {Address: "old:1"}}, index: 10}
		lost, err := e.list(a, &config{warning: warning})
		list := e.instances()
		if err != nil {
			if len(list) != 1 || e.index != 10 {
				t.Errorf("%v, and the list is %v", err, list)
			}
			return
		}
		if lost != (a.index < 10) || lost && len(list) == 0 {
			t.Errorf("lost %v at %d: %v", lost, a.index, list)
		}
		if !slices.IsSortedFunc(list, func(a, b muxendpoint.Instance) int { return strings.Compare(a.Address, b.Address) }) {
			t.Errorf("%v", list)
		}
		for n, in := range list {
			if _, err := muxendpoint.ParseNode(in.Address); err != nil || n > 0 && in.Address == list[n-1].Address || in.Weight > maxWeight {
				t.Errorf("%v: %v", in, err)
			}
			if _, err := muxendpoint.ParseInstance(in.String()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, opts := range map[string][]Option{
		"WithTimeout": {WithTimeout(-1)}, "WithBackoff": {WithBackoff(2, 1)}, "WithTTL": {WithTTL(1)}, "WithGrace": {WithGrace(-1)}, "WithDrainDelay": {WithDrainDelay(-1)},
		"WithWait": {WithWait(1)}, "WithDeregisterAfter": {WithDeregisterAfter(-1)}, "WithTags": {WithTags("a", "")}, "WithHTTPClient": {WithHTTPClient(&http.Client{Timeout: 1})},
		"WithHTTPClient: nil": {WithHTTPClient(nil)}, `WithAddress "unix:`: {WithAddress("unix:///run/consul")}, `WithAddress "http://a@b`: {WithAddress("http://a@b")},
		`WithAddress "http://"`: {WithAddress("http://")}, `WithAddress "ftp://a"`: {WithAddress("ftp://a")}, `WithAddress "http://a?b=c"`: {WithAddress("http://a?b=c")},
		`WithAddress "http://a:b"`: {WithAddress("http://a:b")},
	} {
		_, err := NewInstancer("stock", opts...)
		_, err2 := NewRegistrar("stock", muxendpoint.Instance{Address: "a:1"}, opts...)
		for _, err := range []error{err, err2} {
			if !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	t.Setenv("CONSUL_HTTP_ADDR", "unix:///run/consul")
	for name, make := range map[string]func() error{
		"CONSUL_HTTP_ADDR": func() error { _, err := NewInstancer("stock"); return err },
		"of a service":     func() error { _, err := NewInstancer("", WithAddress("a:1")); return err },
		"for NewRegistrar": func() error { _, err := NewInstancer("stock", WithAddress("a:1"), WithTTL(0)); return err },
		"for NewInstancer": func() error {
			_, err := NewRegistrar("stock", muxendpoint.Instance{Address: "a:1"}, WithAddress("a:1"), WithWarning())
			return err
		},
		"has a space": func() error {
			_, err := NewRegistrar("stock", muxendpoint.Instance{Address: "a b:1"}, WithAddress("a:1"))
			return err
		},
	} {
		if err := make(); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What Consul cannot be told of a node, and what only just.
func TestNodesThatCannotBeRegistered(t *testing.T) {
	for address, good := range map[string]bool{"a:1": true, "a:65535": true, ":80": true, "[fd00::2]:80": true,
		"http://a": false, "a": false, "a:": false, "a:0": false, "a:65536": false, "a:-1": false, "a:http": false, "fd00::2:80": false} {
		_, err := NewRegistrar("stock", muxendpoint.Instance{Address: address}, WithAddress("a:1"))
		if good && err != nil || !good && (!errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "is not host:port")) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for weight, good := range map[uint32]bool{65535: true, 65536: false} {
		_, err := NewRegistrar("stock", muxendpoint.Instance{Address: "a:1", Weight: weight}, WithAddress("a:1"))
		if good && err != nil || !good && (!errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), "the weight")) {
			t.Errorf("of weight %d: %v", weight, err)
		}
	}
}

// The least and the most that options take.
func TestTheBoundsOfOptions(t *testing.T) {
	for name, opt := range map[string]Option{"a second's wait": WithWait(time.Second), "ten minutes' wait": WithWait(10 * time.Minute), "backoffs that are the same": WithBackoff(1, 1),
		"no tags": WithTags(), "no time": WithTimeout(0)} {
		if i, err := NewInstancer("stock", WithAddress("127.0.0.1:1"), opt); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			i.Stop()
		}
	}
	for name, opt := range map[string]Option{"WithWait(999": WithWait(time.Second - 1), "WithWait(10m0.000000001s)": WithWait(10*time.Minute + 1)} {
		if _, err := NewInstancer("stock", WithAddress("127.0.0.1:1"), opt); !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for d, good := range map[time.Duration]bool{0: true, time.Second: true, time.Second - 1: false} {
		if _, err := NewRegistrar("stock", muxendpoint.Instance{Address: "a:1"}, WithAddress("a:1"), WithTTL(d)); (err == nil) != good {
			t.Errorf("WithTTL(%v): %v", d, err)
		}
	}
}
