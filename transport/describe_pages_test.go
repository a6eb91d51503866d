package transport

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestPagesOfADescription: a page has the methods for which there is room, to the byte, and one
// at least; it names the last, if more are to come.
func TestPagesOfADescription(t *testing.T) {
	server := NewServer(nil, nil, nil)
	routes := make(map[string]*route)
	for _, name := range []string{"a", "b", "c", "z"} {
		routes[name] = &route{method: name, server: server}
	}
	s := new(Service)
	s.routes.Store(&routes)
	_, size, err := server.describe("a", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		after string
		most  int
		names []string
		next  string
	}{
		{"", 4 * size, []string{"a", "b", "c", "z"}, ""},
		{"", 4*size - 1, []string{"a", "b", "c"}, "c"},
		{"", 2 * size, []string{"a", "b"}, "b"},
		{"", 2*size - 1, []string{"a"}, "a"},
		{"", 1, []string{"a"}, "a"},
		{"", 0, []string{"a"}, "a"},
		{"b", 2 * size, []string{"c", "z"}, ""},
		{"c", 1, []string{"z"}, ""},
		{"z", 1, nil, ""},
	} {
		var d Description
		if err := s.describeMethods(&d, DescribeRequest{After: row.after}, row.most); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range d.Methods {
			names = append(names, m.Name)
		}
		if !slices.Equal(names, row.names) || d.Next != row.next {
			t.Errorf("after %q, %d bytes: %v, next %q; want %v, next %q", row.after, row.most, names, d.Next, row.names, row.next)
		}
	}
}

// TestServicesOfADescription: the first page lists those for which there is room, to the byte, and
// that have a name which can be shown; it counts the others.
func TestServicesOfADescription(t *testing.T) {
	s := new(Service)
	for _, name := range []string{"a", "b", "bad\xff", strings.Repeat("n", describedName), strings.Repeat("o", describedName+1), "z"} {
		s.SetServing(name, true)
	}
	sizeOf := func(names ...string) (size int) {
		for _, name := range names {
			b, err := json.Marshal(ServiceDescription{name, HealthNotServing.String()})
			if err != nil {
				t.Fatal(err)
			}
			size += len(b) + len(",")
		}
		return size
	}
	long := strings.Repeat("n", describedName)
	all := []string{"", "a", "b", long, "z"}
	for _, row := range []struct {
		name    string
		after   string
		most    int
		want    []string
		leftOut int
	}{
		{"all of them", "", sizeOf(all...), all, 2},
		{"less by a byte than the last takes", "", sizeOf(all...) - 1, all[:4], 3},
		{"no room for the long one", "", sizeOf("", "a", "b", "z"), []string{"", "a", "b", "z"}, 3},
		{"the first", "", sizeOf(""), []string{""}, 6},
		{"none", "", sizeOf("") - 1, nil, 7},
		{"another page", "a", 1 << 20, nil, 0},
	} {
		var d Description
		size := s.describeServices(&d, DescribeRequest{After: row.after}, row.most)
		var names []string
		for _, service := range d.Services {
			names = append(names, service.Name)
		}
		if !slices.Equal(names, row.want) || d.Services == nil || d.LeftOut != row.leftOut || size != sizeOf(row.want...) {
			t.Errorf("%s: %.300q, %d left out, of %d bytes; want %.300q, %d left out, of %d bytes", row.name, names, d.LeftOut, size, row.want, row.leftOut, sizeOf(row.want...))
		}
	}
}

// TestAMethodWithoutRoomLosesItsFields: and only then; its size is that of what is left.
func TestAMethodWithoutRoomLosesItsFields(t *testing.T) {
	one := TypeDescription{Codec: "json", Type: "one", Fields: []FieldDescription{{Name: "a", Type: "string"}}}
	none := TypeDescription{Codec: "json", Type: "none"}
	server := NewServer(nil, DecodeBytes, EncodeBytes, ServerTypes(one, none))
	written := func(m MethodDescription) int {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	whole := MethodDescription{Name: "M", Request: &one, Answer: &none}
	named := MethodDescription{Name: "M", Request: &TypeDescription{Codec: "json", Type: "one", Cut: true}, Answer: &none}
	for most, want := range map[int]MethodDescription{written(whole): whole, written(whole) - 1: named} {
		m, size, err := server.describe("M", most)
		if err != nil || written(m) != written(want) || m.Request.Cut != want.Request.Cut || m.Answer.Cut || size != written(want)+len(",") {
			t.Errorf("in %d bytes: %+v, %+v, of %d bytes, %v; want %d bytes", most, m.Request, m.Answer, size, err, written(want)+len(","))
		}
	}
	cut := TypeDescription{Type: "cut", Cut: true}
	if d := cut.named(); !d.Cut {
		t.Errorf("what was cut before is told as %+v", d)
	}
}
