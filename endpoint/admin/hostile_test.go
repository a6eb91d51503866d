package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/debug"
	"github.com/muxkit/muxkit/transport"
)

// hostilePage has a text of others wherever one may be.
func hostilePage(text string) *page {
	now, err := time.Unix(100, 0).UTC(), errors.New(text)
	node := muxpool.Node{Network: "tcp", Address: text}
	h := &events{max: 10}
	h.ofPool(clean(text))(muxpool.Event{Kind: muxpool.DialFailed, Node: node, Err: err, Reason: muxpool.ReasonDialFailed})
	h.ofOperator(subject{ofBreakers, clean(text), clean(text)}, "trip", host(text), now)
	h.ofBreakers(clean(text))(breaker.Change{Node: node, Scope: text, Method: text, Cause: err})
	return &page{
		Time: now,
		Sets: []set{newSet(muxendpoint.SetStats{Service: text, Drains: []muxendpoint.Drain{{Node: node, Cause: err}}, Methods: []muxendpoint.MethodStatus{{Method: text}}, Nodes: []muxendpoint.NodeStatus{
			{Node: node, Instance: muxendpoint.Instance{Zone: text}, Open: &breaker.OpenError{Node: node, Cause: err}}, {Node: node, Open: err, Drain: &muxendpoint.Drain{Node: node, Cause: err}}}}, now)},
		Breakers: []group{newGroup(clean(text), []breaker.Status{{Node: node, Scope: text, Cause: err, State: breaker.Open, Methods: []breaker.MethodStatus{{Scope: text, Method: text, Cause: err}}}}, now)},
		Pools:    []pool{{clean(text), debug.NewPage(muxpool.Stats{Nodes: []muxpool.NodeStats{{Node: node, Conns: []muxpool.ConnStats{{LocalAddr: addr(text), RemoteAddr: addr(text)}}}}}, now)}},
		Services: []service{newService(clean(text), "serving", transport.ServiceStats{Methods: map[string]transport.MethodStats{text: {OK: 1}}})},
		Events:   h.told(),
	}
}

type addr string

func (a addr) Network() string { return "tcp" }
func (a addr) String() string  { return string(a) }

// Texts of others change no format, and none takes much room.
func TestHostileTexts(t *testing.T) {
	for name, text := range map[string]string{
		"markup":      `<script>alert(1)</script>"'><img src=x onerror=alert(1)>&`,
		"line breaks": "up\n! tcp://10.0.0.1:80\tout\r\n\x1b[2J\u202e\x00\xff",
		"template":    `{{.Time}}</style></td></table>`,
		"long":        strings.Repeat("x<", 5000),
	} {
		p, calm := hostilePage(text), hostilePage("calm")
		written := func(p *page, f format) string {
			var b bytes.Buffer
			if err := p.write(&b, view{format: f, acts: true}); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		for _, f := range []format{asHTML, asText, asJSON} {
			got, plain := written(p, f), written(calm, f)
			if a, b := strings.Count(got, "\n"), strings.Count(plain, "\n"); a != b {
				t.Errorf("%s, %s: %d lines instead of %d:\n%s", name, f, a, b, got)
			}
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x00\r\u202e") {
				t.Errorf("%s, %s: what does not print got through:\n%q", name, f, got)
			}
			if len(got) > len(plain)+60*1600 {
				t.Errorf("%s, %s: %d bytes instead of %d", name, f, len(got), len(plain))
			}
			if f != asText && strings.Count(got, "<script") > 0 {
				t.Errorf("%s, %s: a script:\n%s", name, f, got)
			}
			if a, b := strings.Count(got, "<"), strings.Count(plain, "<"); f == asHTML && a != b {
				t.Errorf("%s: %d marks instead of %d:\n%s", name, a, b, got)
			}
		}
		var back page
		if err := json.Unmarshal([]byte(written(p, asJSON)), &back); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A table has so many rows, those first that are not well; JSON has all.
func TestLongTables(t *testing.T) {
	var all []breaker.Status
	for i := range maxRows + 7 {
		all = append(all, breaker.Status{Node: muxpool.Node{Network: "tcp", Address: fmt.Sprintf("n%d:1", i)}, Live: true})
	}
	all[maxRows+3].State, all[maxRows+3].Reason = breaker.Open, breaker.ReasonTripped
	p := &page{Time: time.Unix(1, 0).UTC(), Breakers: []group{newGroup("", all, time.Unix(1, 0))}}
	table := p.Breakers[0].table(p.Time)
	if len(table.Rows) != maxRows || table.More != 7 || !table.Rows[0].Ill || table.Rows[1].Ill {
		t.Errorf("%d rows, %d more, first %+v", len(table.Rows), table.More, table.Rows[:2])
	}
	if notes := strings.Join(table.Notes, " "); notes != "507 nodes, 1 not well" {
		t.Errorf("%q", notes)
	}
	for f, want := range map[format]string{asText: "  and 7 more\n", asHTML: "<p>and 7 more</p>", asJSON: `"node": "tcp://n506:1"`} {
		var b bytes.Buffer
		if err := p.write(&b, view{format: f}); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v, no %q", f, err, want)
		}
	}
}
