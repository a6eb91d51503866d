package protobuf_test

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protobuf"
)

func TestTypes(t *testing.T) {
	for _, c := range []struct{ got, want transport.TypeDescription }{
		{protobuf.Type[*wrapperspb.StringValue](), transport.TypeDescription{Codec: "protobuf", Type: "google.protobuf.StringValue",
			Fields: []transport.FieldDescription{{Name: "value", Type: "string"}}}},
		{protobuf.Type[*apipb.Mixin](), transport.TypeDescription{Codec: "protobuf", Type: "google.protobuf.Mixin",
			Fields: []transport.FieldDescription{{Name: "name", Type: "string"}, {Name: "root", Type: "string"}}}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got\n%+v\nwant\n%+v", c.got, c.want)
		}
	}
	api := protobuf.Type[*apipb.Api]()
	types := make(map[string]string)
	for _, f := range api.Fields {
		types[f.Name] = f.Type
	}
	if api.Cut || types["methods"] != "[]google.protobuf.Method" || types["syntax"] != "google.protobuf.Syntax" {
		t.Errorf("an Api is %+v", api)
	}
}

// A message within itself, and one of hundreds of fields.
func TestLargeTypesAreCut(t *testing.T) {
	value := protobuf.Type[*structpb.Struct]()
	if f := value.Fields[0]; !value.Cut || f.Type != "map[string]google.protobuf.Value" {
		t.Errorf("a Struct is %+v", value)
	}
	told := 0
	var count func([]transport.FieldDescription)
	count = func(fields []transport.FieldDescription) {
		for _, f := range fields {
			told++
			count(f.Fields)
		}
	}
	file := protobuf.Type[*descriptorpb.FileDescriptorSet]()
	if count(file.Fields); told != 128 || !file.Cut {
		t.Errorf("of a FileDescriptorSet %d fields are told, cut %v", told, file.Cut)
	}
}
