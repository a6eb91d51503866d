package muxpool

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"strings"
	"testing"
	"time"
)

// defaults are what the comments of the options say, and what is so.
var defaults = map[string]struct {
	says string
	is   func(o *poolOptions) bool
}{
	"WithConnectNumber":       {"Default 2.", func(o *poolOptions) bool { return o.connectNumber == 2 }},
	"WithMaxConnsPerHost":     {"Default 8 times WithConnectNumber.", func(o *poolOptions) bool { return o.maxConns == 16 }},
	"WithQueueSize":           {"Default 1024.", func(o *poolOptions) bool { return o.queueSize == 0 }}, // the Writer's own, as is that of its bytes
	"WithDropFull":            {"instead of waiting", func(o *poolOptions) bool { return !o.dropFull }},
	"WithDialTimeout":         {"Default 1 s.", func(o *poolOptions) bool { return o.dialTimeout == time.Second }},
	"WithMaxVirConnsPerConn":  {"Default 0:", func(o *poolOptions) bool { return o.maxVirConns == 0 }},
	"WithMaxIdleConnsPerHost": {"Default 0:", func(o *poolOptions) bool { return o.maxIdle == 0 }},
	"WithDialContext":         {"Default: a net.Dialer", func(o *poolOptions) bool { return o.dial == nil }},
	"WithReconnect": {"Defaults 10, 5 ms, 50 ms.", func(o *poolOptions) bool {
		return o.slots() == slotPolicy{10, 5 * time.Millisecond, 50 * time.Millisecond}
	}},
	"WithIdleTimeout":   {"Default 10 min.", func(o *poolOptions) bool { return o.idleTimeout == 10*time.Minute }},
	"WithMaxConnAge":    {"Default 0: any age.", func(o *poolOptions) bool { return o.maxAge == 0 }},
	"WithKeepAlive":     {"Default 2 s.", func(o *poolOptions) bool { return o.keepAlive == 2*time.Second }},
	"WithStallTimeout":  {"Default 1.5 times WithKeepAlive.", func(o *poolOptions) bool { return o.stallTimeout == 3*time.Second }},
	"WithWriteTimeout":  {"Default 3 s.", func(o *poolOptions) bool { return o.writeTimeout == 3*time.Second }},
	"WithMaxFrameSize":  {"Default 4 MiB.", func(o *poolOptions) bool { return o.maxFrameSize == 4<<20 }},
	"WithRecvLimit":     {"Default 4 MiB.", func(o *poolOptions) bool { return o.recvLimit == 4<<20 }},
	"WithRecvWait":      {"Default 100 ms.", func(o *poolOptions) bool { return o.recvWait == 100*time.Millisecond }},
	"WithMaxAnswerSize": {"Default 64 MiB,", func(o *poolOptions) bool { return o.maxAnswerSize == 64<<20 }},
	"WithPreWarm":       {"", func(o *poolOptions) bool { return len(o.preWarm) == 0 }},
}

// TestDocumentedDefaults: each option's comment names its default, and that is the default.
func TestDocumentedDefaults(t *testing.T) {
	pool, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	file, err := parser.ParseFile(token.NewFileSet(), "options.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() {
			continue
		}
		row, ok := defaults[f.Name.Name]
		if !ok {
			t.Errorf("%s has no row in this table", f.Name)
			continue
		}
		if found++; !strings.Contains(strings.Join(strings.Fields(f.Doc.Text()), " "), row.says) {
			t.Errorf("the comment of %s does not say %q", f.Name, row.says)
		}
		if !row.is(&pool.opts) {
			t.Errorf("%s: %q is not so: %+v", f.Name, row.says, pool.opts)
		}
	}
	if found != len(defaults) {
		t.Errorf("%d options of %d are there", found, len(defaults))
	}
}

// TestPairsOfOptions: each two options, both at their zero, one of them, both at a small value,
// and both at a great one: the pool is refused with a word about an option, or a call on it
// is answered.
func TestPairsOfOptions(t *testing.T) {
	type option struct {
		name   string
		values [3]PoolOption // zero, small, great
	}
	of := func(name string, with func(int) PoolOption, great int) option {
		return option{name, [3]PoolOption{with(0), with(1), with(great)}}
	}
	lasting := func(name string, with func(time.Duration) PoolOption) option {
		return option{name, [3]PoolOption{with(0), with(time.Second), with(math.MaxInt64)}}
	}
	options := []option{
		of("WithConnectNumber", WithConnectNumber, 20), of("WithMaxConnsPerHost", WithMaxConnsPerHost, 30), of("WithQueueSize", WithQueueSize, math.MaxInt),
		of("WithMaxVirConnsPerConn", WithMaxVirConnsPerConn, math.MaxInt), of("WithMaxIdleConnsPerHost", WithMaxIdleConnsPerHost, math.MaxInt),
		of("WithMaxFrameSize", func(n int) PoolOption { return WithMaxFrameSize(n * 100) }, math.MaxInt/100),
		of("WithRecvLimit", WithRecvLimit, math.MaxInt), of("WithMaxAnswerSize", func(n int) PoolOption { return WithMaxAnswerSize(n * 100) }, math.MaxInt/100),
		of("WithReconnect", func(n int) PoolOption { return WithReconnect(n, 0, 0) }, math.MaxInt),
		lasting("WithDialTimeout", WithDialTimeout), lasting("WithIdleTimeout", WithIdleTimeout), lasting("WithMaxConnAge", WithMaxConnAge),
		lasting("WithKeepAlive", WithKeepAlive), lasting("WithStallTimeout", WithStallTimeout), lasting("WithWriteTimeout", WithWriteTimeout),
		lasting("WithRecvWait", WithRecvWait),
	}
	good := 0
	for i, a := range options {
		for _, b := range options[i+1:] {
			for _, at := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 2}, {0, 2}, {2, 0}, {1, 2}, {2, 1}} {
				opts := []PoolOption{a.values[at[0]], b.values[at[1]]}
				if p, err := New(opts...); err != nil {
					if !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), a.name) && !strings.Contains(err.Error(), b.name) {
						t.Errorf("%s, %s at %v: %v", a.name, b.name, at, err)
					}
					continue
				} else {
					p.Close()
				}
				good++
				withWorld(t, worldParser{}, opts, func(t *testing.T, w *world) {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", w.opts)
					if err != nil {
						t.Fatalf("%s, %s at %v: %v", a.name, b.name, at, err)
					}
					defer m.Close()
					if err := m.Write(worldFrame(worldAnswer, m.VID(), 1)); err != nil {
						t.Fatalf("%s, %s at %v: %v", a.name, b.name, at, err)
					}
				})
			}
		}
	}
	if good < 900 {
		t.Errorf("only %d of the pools were made", good)
	}
}
