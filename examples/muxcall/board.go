package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/internal/text"
)

// adminPage is what is read of the JSON of endpoint/admin.
type adminPage struct {
	Time time.Time `json:"time"`
	Sets []struct {
		Service string `json:"service"`
		Nodes   []struct {
			Node     string `json:"node"`
			InFlight int    `json:"in_flight"`
			Weight   struct {
				Share float64 `json:"share"`
			} `json:"weight"`
			Out     string     `json:"out"`
			Returns *time.Time `json:"returns"`
			Error   string     `json:"error"`
			Minute  *minute    `json:"minute"`
		} `json:"nodes"`
	} `json:"sets"`
	Breakers []struct {
		Name  string `json:"name"`
		Nodes []struct {
			Node    string     `json:"node"`
			Service string     `json:"service"`
			Live    bool       `json:"live"`
			State   string     `json:"state"`
			Reason  string     `json:"reason"`
			Error   string     `json:"error"`
			Returns *time.Time `json:"returns"`
		} `json:"nodes"`
	} `json:"breakers"`
	Pools []struct {
		Nodes []struct {
			Network  string `json:"network"`
			Address  string `json:"address"`
			State    string `json:"state"`
			InFlight int    `json:"in_flight"`
		} `json:"nodes"`
	} `json:"pools"`
}

// minute is what was measured in the last minute.
type minute struct {
	Rate   float64 `json:"rate"`
	Failed uint64  `json:"failed"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
}

// board is one picture of the nodes.
type board struct {
	url   string
	time  time.Time
	rows  []row
	stale string // why there is no newer one
}

// row is a node.
type row struct {
	service, node, state, err string
	inFlight                  int // -1: not known
	weight                    float64
	returns                   *time.Time
	minute                    *minute
	out                       bool
}

// rows are the nodes of Sets, then those that only breakers know, then those that only pools
// know; those first that are out.
func (p *adminPage) rows() []row {
	var rows []row
	known := make(map[string]bool) // nodes; and, of one service, with its name in front
	for _, s := range p.Sets {
		for _, n := range s.Nodes {
			known[n.Node], known[s.Service+" "+n.Node] = true, true
			state := cmp.Or(n.Out, "up")
			rows = append(rows, row{s.Service, n.Node, state, n.Error, n.InFlight, n.Weight.Share, n.Returns, n.Minute, n.Out != ""})
		}
	}
	for _, g := range p.Breakers {
		for _, n := range g.Nodes {
			if known[n.Service+" "+n.Node] || n.Service == "" && known[n.Node] || !n.Live && n.State == "closed" {
				continue
			}
			known[n.Node] = true
			state := n.State
			if n.State != "closed" && n.Reason != "" {
				state += ": " + n.Reason
			}
			rows = append(rows, row{n.Service, n.Node, state, n.Error, -1, -1, n.Returns, nil, n.State != "closed"})
		}
	}
	for _, pool := range p.Pools {
		for _, n := range pool.Nodes {
			if node := n.Network + "://" + n.Address; !known[node] {
				rows = append(rows, row{"", node, n.State, "", n.InFlight, -1, nil, nil, n.State == "expelled"})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch {
		case a.out == b.out:
			return 0
		case a.out:
			return -1
		}
		return 1
	})
	return rows
}

// column is one of the table. Those of the highest need stay longest where it is narrow.
type column struct {
	head string
	need int
	most int // of its width
	left bool
	cell func(r *row, now time.Time) string
}

var columns = []column{
	{"SERVICE", 3, 24, true, func(r *row, _ time.Time) string { return r.service }},
	{"NODE", 9, 48, true, func(r *row, _ time.Time) string { return strings.TrimPrefix(r.node, "tcp://") }},
	{"STATE", 8, 32, true, func(r *row, _ time.Time) string { return r.state }},
	{"BACK", 5, 8, false, func(r *row, now time.Time) string {
		if r.returns == nil {
			return ""
		}
		return max(r.returns.Sub(now), 0).Round(100 * time.Millisecond).String()
	}},
	{"FLYING", 7, 8, false, func(r *row, _ time.Time) string {
		if r.inFlight < 0 {
			return ""
		}
		return strconv.Itoa(r.inFlight)
	}},
	{"CALLS/S", 6, 10, false, measured(func(m *minute) string { return fmt.Sprintf("%.1f", m.Rate) })},
	{"FAILED", 6, 8, false, measured(func(m *minute) string { return strconv.FormatUint(m.Failed, 10) })},
	{"P50", 2, 9, false, measured(func(m *minute) string { return inMS(m.P50) })},
	{"P99", 4, 9, false, measured(func(m *minute) string { return inMS(m.P99) })},
	{"WEIGHT", 1, 7, false, func(r *row, _ time.Time) string {
		if r.weight < 0 {
			return ""
		}
		return fmt.Sprintf("%.2f", r.weight)
	}},
	{"ERROR", 0, 120, true, func(r *row, _ time.Time) string { return r.err }},
}

func measured(f func(*minute) string) func(*row, time.Time) string {
	return func(r *row, _ time.Time) string {
		if r.minute == nil {
			return ""
		}
		return f(r.minute)
	}
}

func inMS(ms float64) string { return shown(time.Duration(ms * float64(time.Millisecond))).String() }

// gap is between columns.
const gap = "  "

// lines are the board in lines of at most width columns; 0: of any.
func (b *board) lines(width int) []string {
	out := 0
	for i := range b.rows {
		if b.rows[i].out {
			out++
		}
	}
	head := fmt.Sprintf("%s  %s  %d nodes, %d out", text.Shown(b.url, maxName), b.time.Local().Format(time.TimeOnly), len(b.rows), out)
	lines := []string{cut(head, width)}
	if b.stale != "" {
		lines = append(lines, cut("NO ANSWER since: "+b.stale, width))
	}
	table := make([][]string, 0, len(b.rows)+1)
	heads := make([]string, 0, len(columns))
	for _, c := range columns {
		heads = append(heads, c.head)
	}
	table = append(table, heads)
	for i := range b.rows {
		cells := make([]string, 0, len(columns))
		for _, c := range columns {
			cells = append(cells, cut(text.Shown(c.cell(&b.rows[i], b.time), maxText), c.most))
		}
		table = append(table, cells)
	}
	return append(lines, layOut(table, width)...)
}
