package transport

import (
	"slices"
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
