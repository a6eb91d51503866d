package transport

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// TypeDescription is what is known of a request or an answer.
type TypeDescription struct {
	Codec  string             `json:"codec,omitempty"` // json, protobuf, bytes; what else a user of ServerTypes says
	Type   string             `json:"type,omitempty"`
	Fields []FieldDescription `json:"fields,omitempty"`
	Cut    bool               `json:"cut,omitempty"` // it has more fields, or they have
}

// FieldDescription is a member of a message.
type FieldDescription struct {
	Name   string             `json:"name"`
	Type   string             `json:"type"`             // for people: string, integer, []shop.Line, map[string]number
	Fields []FieldDescription `json:"fields,omitempty"` // of Type, or of what it is a list or map of
}

// ServerTypes says what the Server's request and answer are, for ServiceDescribe: a
// TypeDescription such as JSONType makes of a Go type. Nothing compares it with the codecs.
// Default: of the codecs of this package that are functions of no type it is known which
// they are.
func ServerTypes(request, answer TypeDescription) ServerOption {
	return func(s *Server) { s.request, s.answer = &request, &answer }
}

// describe is what the Server knows of a method that it serves, and its size as JSON, in
// bytes. Of one that is over most of them the fields are left out.
func (s *Server) describe(method string, most int) (m MethodDescription, size int, err error) {
	m = MethodDescription{Name: method, Request: s.request, Answer: s.answer}
	if codec := codecOf(s.dec); m.Request == nil && codec != "" {
		m.Request = &TypeDescription{Codec: codec}
	}
	if codec := codecOf(s.enc); m.Answer == nil && codec != "" {
		m.Answer = &TypeDescription{Codec: codec}
	}
	b, err := json.Marshal(m)
	if err == nil && len(b) > most {
		m.Request, m.Answer = m.Request.named(), m.Answer.named()
		b, err = json.Marshal(m)
	}
	return m, len(b) + len(","), err
}

// named is d without its fields.
func (d *TypeDescription) named() *TypeDescription {
	if d == nil {
		return nil
	}
	return &TypeDescription{Codec: d.Codec, Type: d.Type, Cut: d.Cut || len(d.Fields) > 0}
}

// codecOf is the codec of a function of this package; empty if it is none. As in
// ignoresContext the address tells.
func codecOf[F DecodeRequestFunc | EncodeResponseFunc](f F) string {
	switch reflect.ValueOf(f).Pointer() {
	case reflect.ValueOf(EncodeJSON).Pointer():
		return "json"
	case reflect.ValueOf(EncodeBytes).Pointer(), reflect.ValueOf(DecodeBytes).Pointer(),
		reflect.ValueOf(EncodeResponseBuffer).Pointer(), reflect.ValueOf(DecodeBuffer).Pointer():
		return "bytes"
	}
	return ""
}

// JSONType describes T as encoding/json writes it: its fields by their JSON names, to a
// depth of four types and 128 fields in all. A type that writes itself (json.Marshaler,
// encoding.TextMarshaler) is told by its Go name alone.
func JSONType[T any]() TypeDescription {
	d := TypeDescription{Codec: "json"}
	left := describedFields
	d.Type, d.Fields, d.Cut = describeType(reflect.TypeFor[T](), nil, &left)
	return d
}

const (
	describedDepth  = 4
	describedFields = 128
)

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// describeType names a type, and its fields if it is a struct, or a list or map of one.
// within are the structs around it: one within itself is named only. left is how many
// fields may be told.
func describeType(t reflect.Type, within []reflect.Type, left *int) (name string, fields []FieldDescription, cut bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p := reflect.PointerTo(t); t.Kind() != reflect.Interface && (p.Implements(jsonMarshaler) || p.Implements(textMarshaler)) {
		return t.String(), nil, false
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool", nil, false
	case reflect.String:
		return "string", nil, false
	case reflect.Interface:
		return "any", nil, false
	case reflect.Float32, reflect.Float64:
		return "number", nil, false
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "integer", nil, false
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			return "base64", nil, false
		}
		name, fields, cut = describeType(t.Elem(), within, left)
		return "[]" + name, fields, cut
	case reflect.Map:
		name, fields, cut = describeType(t.Elem(), within, left)
		return "map[string]" + name, fields, cut // every key is a string in JSON
	case reflect.Struct:
		for _, outer := range within {
			if outer == t {
				return t.String(), nil, true
			}
		}
		if len(within) == describedDepth {
			return t.String(), nil, t.NumField() > 0
		}
		fields, cut = describeFields(t, append(within[:len(within):len(within)], t), left)
		if t.Name() == "" {
			return "object", fields, cut
		}
		return t.String(), fields, cut
	}
	return t.String(), nil, false // nothing that JSON has
}

// describeFields describes the fields of a struct.
func describeFields(t reflect.Type, within []reflect.Type, left *int) (fields []FieldDescription, cut bool) {
	for _, f := range jsonFields(t) {
		if *left == 0 {
			return fields, true
		}
		*left--
		d := FieldDescription{Name: f.name}
		var less bool
		if d.Type, d.Fields, less = describeType(f.of, within, left); f.quoted {
			d.Type = "string" // that holds one
		}
		fields, cut = append(fields, d), cut || less
	}
	return fields, cut
}

// jsonField is a field of a struct that encoding/json may write.
type jsonField struct {
	name   string
	of     reflect.Type
	depth  int  // of embedded structs, in which it is
	tagged bool // with its name
	quoted bool
}

// hides reports whether g is not written because f is there, which has the same name.
func (f *jsonField) hides(g *jsonField) bool {
	return f.depth < g.depth || f.depth == g.depth && (f.tagged || !g.tagged)
}

// jsonFields are those of a struct that encoding/json writes. Of two that hide each other it writes neither.
func jsonFields(t reflect.Type) (written []jsonField) {
	all := allFields(t, nil)
	named := make(map[string][]*jsonField)
	for i := range all {
		named[all[i].name] = append(named[all[i].name], &all[i])
	}
	for i := range all {
		g := &all[i]
		if !slices.ContainsFunc(named[g.name], func(f *jsonField) bool { return f != g && f.hides(g) }) {
			written = append(written, *g)
		}
	}
	return written
}

// allFields are a struct's own and those of embedded ones; around are the structs that embed it.
func allFields(t reflect.Type, around []reflect.Type) (all []jsonField) {
	if slices.Contains(around, t) {
		return nil // hidden, by those of the outer
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "" && inner.Kind() == reflect.Struct:
			all = append(all, allFields(inner, append(around[:len(around):len(around)], t))...)
		case f.IsExported():
			all = append(all, jsonField{cmp.Or(name, f.Name), f.Type, len(around), name != "", slices.Contains(strings.Split(options, ","), "string")})
		}
	}
	return all
}
