package jsonrpc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestNamesAreKnownHoweverSpelled: a member's name may be written with escapes.
func TestNamesAreKnownHoweverSpelled(t *testing.T) {
	for text, want := range map[string]string{
		`{"method":"a"}`:                               `"a"`,
		`{"\u006detho\u0064":"a"}`:                     `"a"`,
		`{"\u006D\u0065thod":"a"}`:                     `"a"`,
		`{"m\u0065thod":"a","method":"b"}`:             `"b"`, // the last counts
		`{"\u016dethod":"a"}`:                          ``,
		`{"m\tethod":"a"}`:                             ``,
		`{"method\u":"a"}`:                             ``,
		`{"method\`:                                    ``,
		`{"methodmethod":"a"}`:                         ``,
		`{"metho\n0064":"a"}`:                          ``,
		`{"method"`:                                    ``,
		`{"` + strings.Repeat(`\u006d`, 40) + `":"a"}`: ``,
		`{"` + strings.Repeat(`m`, 40) + `":"a"}`:      ``,
	} {
		if e := open([]byte(text)); string(e.method) != want {
			t.Errorf("%s: the method is %s, want %s", text, e.method, want)
		}
	}
}

// TestForeignMembersCostNoMemory: what a text has beside what is looked for is passed over,
// whatever it is called, and however long it is.
func TestForeignMembersCostNoMemory(t *testing.T) {
	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, `"\u0061%d":1,`, i)
	}
	object := []byte("{" + many.String() + `"` + strings.Repeat(`\u0061`, 10_000) + `":1,"id":` + strings.Repeat("1", 10_000) + "}")
	if n := bounded.Allocs(10, func() { e := open(object); number(e.id) }); n > 0 {
		t.Errorf("a request: %v allocations", n)
	}
	if n := bounded.Allocs(10, func() { takeWords(object) }); n > 0 {
		t.Errorf("an error's data: %v allocations", n)
	}
}

// TestWordsAreTakenOutOfData: and what else is in it stays as it came.
func TestWordsAreTakenOutOfData(t *testing.T) {
	for data, want := range map[string]string{
		`{"b":1,"mux-code":"3","a":2}`:                                         `{"b":1,"a":2} map[mux-code:3]`,
		`{"mux-code":"3","mux-not-run":"1"}`:                                   ` map[mux-code:3 mux-not-run:1]`,
		`{"\u006dux-code":"3"}`:                                                ` map[mux-code:3]`,
		`{"mux-code":3,"a":1}`:                                                 `{"a":1} map[]`,
		`{"mux-code":"` + strings.Repeat("3", 31) + `"}`:                       ` map[]`,
		`{"mux-code":"` + strings.Repeat("3", 30) + `"}`:                       ` map[mux-code:` + strings.Repeat("3", 30) + `]`,
		`{"a":{"mux-code":"3"}}`:                                               `{"a":{"mux-code":"3"}} map[]`,
		`["mux-code"]`:                                                         `["mux-code"] map[]`,
		`{"mux-` + strings.Repeat("a", 28) + `":"3"}`:                          ` map[mux-` + strings.Repeat("a", 28) + `:3]`,
		`{"mux-` + strings.Repeat("a", 29) + `":"3"}`:                          `{"mux-` + strings.Repeat("a", 29) + `":"3"} map[]`,
		`{"\u006d\u0075\u0078\u002d` + strings.Repeat(`\u0061`, 28) + `":"3"}`: ` map[mux-` + strings.Repeat("a", 28) + `:3]`,
		`null`: ` map[]`,
		``:     ` map[]`,
		`{ "a" : [1, 2] , "mux-code" : "3" , "b" : "\"," }`: `{"a":[1, 2],"b":"\","} map[mux-code:3]`,
	} {
		rest, words := takeWords([]byte(data))
		if got := fmt.Sprintf("%s %v", rest, words); got != want {
			t.Errorf("%s: %s, want %s", data, got, want)
		}
	}
}
