package transport_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

type base struct {
	Trace string `json:"trace"`
	Name  string `json:"name"` // hidden
}

type deep struct {
	Down *deep `json:"down"`
}

type level1 struct {
	Next struct {
		Next struct {
			Next struct{ Next struct{ A int } }
		}
	}
}

type row struct{ A, B, C, D, E, F, G, H, I, J, K, L int }

type square struct{ A, B, C, D, E, F, G, H, I, J, K, L row }

type every struct {
	*base
	Name    string `json:"name"`
	Plain   bool
	Skipped string `json:"-"`
	//lint:ignore SA5008 encoding/json names this member "-"
	Dash   string         `json:"-,"`
	When   *time.Time     `json:"when,omitempty"`
	Raw    []byte         `json:"raw"`
	Bits   [4]byte        `json:"bits"`
	By     map[int]base   `json:"by"`
	Any    any            `json:"any"`
	Later  json.Marshaler `json:"later"`
	Quoted int            `json:"quoted,string"`
	Rate   float32        `json:"rate"`
	Tree   *deep          `json:"tree"`
	Tagged base           `json:"tagged"`
	hidden int
}

// A type is told as encoding/json writes it.
func TestJSONTypes(t *testing.T) {
	f := func(name, kind string, fields ...transport.FieldDescription) transport.FieldDescription {
		return transport.FieldDescription{Name: name, Type: kind, Fields: fields}
	}
	inner := []transport.FieldDescription{f("trace", "string"), f("name", "string")}
	got := transport.JSONType[*every]()
	want := transport.TypeDescription{Codec: "json", Type: "transport_test.every", Cut: true, Fields: []transport.FieldDescription{
		f("trace", "string"), f("name", "string"), f("Plain", "bool"), f("-", "string"), f("when", "time.Time"), f("raw", "base64"), f("bits", "[]integer"),
		f("by", "map[string]transport_test.base", inner...), f("any", "any"), f("later", "any"), f("quoted", "string"), f("rate", "number"),
		f("tree", "transport_test.deep", f("down", "transport_test.deep")), f("tagged", "transport_test.base", inner...),
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	_ = every{}.hidden

	written, err := json.Marshal(every{base: &base{}, Later: time.Time{}})
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(written, &members); err != nil {
		t.Fatal(err)
	}
	members["when"] = nil // left out, as it is empty
	for _, d := range got.Fields {
		if _, ok := members[d.Name]; !ok {
			t.Errorf("there is no %s in %s", d.Name, written)
		}
		delete(members, d.Name)
	}
	if len(members) > 0 {
		t.Errorf("what is not told: %v", members)
	}
}

type (
	left struct {
		Both  int
		Given int
		Own   int
		Left  int
	}
	right struct {
		Both   int
		Titled int `json:"Given"`
		Own    int
		Right  int
	}
	under  struct{ right }
	looped struct {
		*looped
		Own int
	}
)

// TestFieldsWithOneName: those are told that encoding/json writes.
func TestFieldsWithOneName(t *testing.T) {
	check := func(d transport.TypeDescription, value any) {
		t.Helper()
		written, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(written, &members); err != nil {
			t.Fatal(err)
		}
		told := make(map[string]any)
		for _, f := range d.Fields {
			told[f.Name] = 0.
		}
		if !reflect.DeepEqual(told, members) || len(told) != len(d.Fields) {
			t.Errorf("%T: told are %+v, written is %s", value, d.Fields, written)
		}
	}
	type hidden struct {
		left
		right
		Own int
	}
	type deeper struct {
		left
		under
	}
	type twice struct {
		under
		right
		left
	}
	type neither struct {
		under
		left `json:"-"`
	}
	check(transport.JSONType[hidden](), hidden{})
	check(transport.JSONType[deeper](), deeper{})
	check(transport.JSONType[twice](), twice{})
	check(transport.JSONType[neither](), neither{})
	check(transport.JSONType[looped](), looped{looped: new(looped)})
}

func TestLargeTypesAreCut(t *testing.T) {
	d := transport.JSONType[level1]()
	if !d.Cut || d.Fields[0].Fields[0].Fields[0].Fields[0].Fields != nil || d.Fields[0].Fields[0].Fields[0].Fields[0].Name != "Next" {
		t.Errorf("five types in each other: %+v", d)
	}
	told, cut := 0, false
	for d := transport.JSONType[square](); len(d.Fields) > 0; d.Fields = d.Fields[1:] {
		told, cut = told+1+len(d.Fields[0].Fields), d.Cut
	}
	if told != 128 || !cut {
		t.Errorf("of 156 fields %d are told, cut %v", told, cut)
	}
	for name, d := range map[string]transport.TypeDescription{
		"string": transport.JSONType[string](), "[]number": transport.JSONType[[]float64](), "any": transport.JSONType[any](), "chan int": transport.JSONType[chan int](),
		"bool": transport.JSONType[bool](), "integer": transport.JSONType[*uint8](), "base64": transport.JSONType[[]byte](), "[]integer": transport.JSONType[[4]byte](),
		"map[string][]string": transport.JSONType[map[int][]string](), "time.Time": transport.JSONType[**time.Time](), "json.RawMessage": transport.JSONType[json.RawMessage](),
		"netip.Addr": transport.JSONType[netip.Addr](), // writes itself as text only
	} {
		if d.Type != name || d.Fields != nil || d.Cut {
			t.Errorf("%s is told as %+v", name, d)
		}
	}
}

type fifth struct {
	Next struct {
		Next struct{ Next struct{ Next struct{} } }
	}
}

type Labelled struct{ A int }

// What is left out of an embedded struct is left out of the one around it, and nothing is left out of a
// struct without fields.
func TestWhatIsLeftOutOfTypes(t *testing.T) {
	for name, row := range map[string]struct {
		d      transport.TypeDescription
		fields []transport.FieldDescription
		cut    bool
	}{
		"a type in itself, embedded": {transport.JSONType[struct {
			deep
			Plain bool
		}](), []transport.FieldDescription{{Name: "down", Type: "transport_test.deep", Fields: []transport.FieldDescription{{Name: "down", Type: "transport_test.deep"}}}, {Name: "Plain", Type: "bool"}}, true},
		"embedded under a name": {transport.JSONType[struct {
			Labelled `json:"label"`
			Plain    bool
		}](), []transport.FieldDescription{{Name: "label", Type: "transport_test.Labelled", Fields: []transport.FieldDescription{{Name: "A", Type: "integer"}}}, {Name: "Plain", Type: "bool"}}, false},
		"no fields": {transport.JSONType[struct{}](), nil, false},
	} {
		if row.d.Type != "object" || !reflect.DeepEqual(row.d.Fields, row.fields) || row.d.Cut != row.cut {
			t.Errorf("%s is told as\n%+v\nwant\n%+v, cut %v", name, row.d, row.fields, row.cut)
		}
	}
	if d := transport.JSONType[fifth](); d.Cut {
		t.Errorf("five types in each other, the last without fields: %+v", d)
	}
}
