package muxpool

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// slotGrid tells, for each state of a slot and each event, which states may follow, whatever else
// is so. Nothing stands where the event cannot happen.
const slotGrid = `
          | Wanted                  | Connected | Refused         | Lost                  | Left          | Silent        | LostLate              | Due       | Aged     | Proven    | Shut
Empty     | Dialing Waiting         |           |                 |                       |               |               | Empty Waiting Resting |           |          | Empty     | Empty
Dialing   | Dialing                 | Up        | Waiting Resting |                       |               |               | Dialing               |           |          | Dialing   | Empty
Redialing | Redialing               | Up        | Waiting Resting |                       |               |               | Redialing             |           |          | Redialing | Empty
Up        | Up                      |           |                 | Empty Waiting Resting | Empty Resting | Empty Resting | Up                    |           | Renewing | Up        | Empty
Renewing  | Renewing                | Up        | Up              | Redialing             | Dialing       | Dialing       | Renewing              |           | Renewing | Renewing  | Empty
Waiting   | Waiting                 |           |                 |                       |               |               | Waiting               | Redialing |          | Waiting   | Empty
Resting   | Dialing Waiting Resting |           |                 |                       |               |               | Resting               | Empty     |          | Empty     | Empty
`

// TestSlotGrid: the states and the events are those of the source, so one that is new has no place
// in the grid, and whatever may follow is a row of TestSlotStep.
func TestSlotGrid(t *testing.T) {
	states, news := constantsOf(t, "slotState"), constantsOf(t, "slotNews")
	rows := make(map[[3]int]bool)
	for _, row := range slotSteps {
		rows[[3]int{int(row.from.state), int(row.ev.news), int(row.to.state)}] = true
	}
	var grid [][]string
	for line := range strings.Lines(strings.TrimPrefix(slotGrid, "\n")) {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		grid = append(grid, cells)
	}
	if !slices.Equal(grid[0][1:], news) || len(grid)-1 != len(states) {
		t.Fatalf("the grid has %d states and the events %v; there are %d and %v", len(grid)-1, grid[0][1:], len(states), news)
	}
	for s, state := range states {
		if row := grid[s+1]; row[0] != state || len(row) != len(grid[0]) || !strings.EqualFold(slotState(s).String(), state) {
			t.Fatalf("the row of %s, which is called %v, is %v", state, slotState(s), row)
		}
		for n := range news {
			var next []string
			for _, to := range followers(t, slotState(s), slotNews(n), len(states)) {
				if next = append(next, states[to]); !rows[[3]int{s, n, to}] {
					t.Errorf("TestSlotStep has no row in which %s leads from %s to %s", news[n], state, states[to])
				}
			}
			if got, want := strings.Join(next, " "), grid[s+1][n+1]; got != want {
				t.Errorf("%s while %s: %q may follow, want %q", news[n], state, got, want)
			}
		}
	}
}

// followers returns the states that may follow when news comes in a state, whatever else is so; none
// if that is a bug. What is to be done must be what the change of the state asks for.
func followers(t *testing.T, state slotState, news slotNews, states int) (next []int) {
	t.Helper()
	found, bugs, all := make([]bool, states), 0, 0
	for tries := range stepPolicy.max + 2 {
		for rests := range 2 {
			for flags := range 1 << 7 {
				on := func(bit int) bool { return flags>>bit&1 != 0 }
				from := slotLife{state, tries, rests, on(0)}
				ev := slotEvent{news, on(1), on(2), on(3), on(4), on(5), 0}
				if on(6) {
					ev.age = time.Hour
				}
				to, todo, bug := tryStep(from, ev)
				if all++; bug != nil {
					if bugs++; !strings.HasPrefix(fmt.Sprint(bug), "BUG: ") {
						t.Errorf("%+v, %+v: %v", from, ev, bug)
					}
					continue
				}
				found[to.state] = true
				begins := func(is func(slotState) bool) bool { return is(to.state) && !is(state) }
				if todo.dial != begins(func(s slotState) bool { return s.dialing() || s == slotRenewing }) ||
					(todo.bound > 0) != begins(func(s slotState) bool { return s == slotWaiting }) ||
					(todo.rest > 0) != begins(func(s slotState) bool { return s == slotResting }) || todo.broken {
					t.Fatalf("%+v, %+v: becomes %+v, with %+v to be done", from, ev, to, todo)
				}
			}
		}
	}
	if bugs != 0 && bugs != all {
		t.Errorf("news %d while %v is a bug %d times of %d", news, state, bugs, all)
	}
	for to, ok := range found {
		if ok {
			next = append(next, to)
		}
	}
	return next
}

func tryStep(l slotLife, ev slotEvent) (to slotLife, todo slotTodo, bug any) {
	defer func() { bug = recover() }()
	to, todo = l.step(ev, stepPolicy)
	return to, todo, nil
}

// constantsOf returns the names of the package's constants of a type that counts from 0, in their
// order, without the "slot" in front.
func constantsOf(t *testing.T, typ string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			if id, ok := g.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); !ok || id.Name != typ {
				continue
			}
			for _, s := range g.Specs {
				names = append(names, strings.TrimPrefix(s.(*ast.ValueSpec).Names[0].Name, "slot"))
			}
		}
	}
	return names
}
