package protobuf

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/muxkit/muxkit/transport"
)

// Type describes T for transport.ServerTypes, as in Type[*pb.SumRequest](): its full name and
// its fields by the names and types of its .proto file, to a depth of four messages and
// 128 fields in all.
func Type[T proto.Message]() transport.TypeDescription {
	var zero T
	d := transport.TypeDescription{Codec: "protobuf"}
	message := zero.ProtoReflect().Descriptor()
	left := maxFields
	d.Type = string(message.FullName())
	d.Fields, d.Cut = describe(message, maxDepth, &left)
	return d
}

const (
	maxDepth  = 4
	maxFields = 128
)

// describe describes the fields of a message, and those of its fields down to depth
// messages. left is how many fields may be told.
func describe(message protoreflect.MessageDescriptor, depth int, left *int) (fields []transport.FieldDescription, cut bool) {
	all := message.Fields()
	if depth == 0 {
		return nil, all.Len() > 0
	}
	for i := range all.Len() {
		if *left == 0 {
			return fields, true
		}
		*left--
		f := all.Get(i)
		d := transport.FieldDescription{Name: string(f.Name())}
		value, prefix := f, ""
		switch {
		case f.IsMap():
			value, prefix = f.MapValue(), "map["+f.MapKey().Kind().String()+"]"
		case f.IsList():
			prefix = "[]"
		}
		switch {
		case value.Message() != nil:
			d.Type = prefix + string(value.Message().FullName())
			var less bool
			d.Fields, less = describe(value.Message(), depth-1, left)
			cut = cut || less
		case value.Enum() != nil:
			d.Type = prefix + string(value.Enum().FullName())
		default:
			d.Type = prefix + value.Kind().String()
		}
		fields = append(fields, d)
	}
	return fields, cut
}
