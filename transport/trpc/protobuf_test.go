package trpc

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// What is said of a size before it is written is what is written.
func TestSizeBytes(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 129, 1<<14 - 1, 1 << 14, 1<<21 - 1, 1 << 21} {
		if got, want := sizeBytes(n), len(appendAllBytes(nil, 1, make([]byte, n))); got != want {
			t.Errorf("sizeBytes(%d) is %d, written are %d", n, got, want)
		}
	}
}

// TestGroupsAreSkipped: what is in a group, which nobody has written for twenty years,
// is passed over with its borders respected.
func TestGroupsAreSkipped(t *testing.T) {
	const open, shut = 1<<3 | wireGroupStart, 1<<3 | wireGroupEnd // of field 1
	deep := func(n int) []byte {
		return append(bytes.Repeat([]byte{open}, n), bytes.Repeat([]byte{shut}, n)...)
	}
	tests := []struct {
		name  string
		group []byte
		sound bool
	}{
		{"empty", []byte{open, shut}, true},
		{"a number", []byte{open, 2<<3 | wireVarint, 0xac, 0x02, shut}, true},
		{"bytes that look like the end", []byte{open, 2<<3 | wireBytes, 2, shut, shut, shut}, true},
		{"8 and 4 bytes", []byte{open, 2<<3 | wireFixed64, 1, 2, 3, 4, 5, 6, 7, 8, 3<<3 | wireFixed32, 1, 2, 3, 4, shut}, true},
		{"another within", []byte{open, 2<<3 | wireGroupStart, 3<<3 | wireVarint, 1, 2<<3 | wireGroupEnd, shut}, true},
		{"as deep as is allowed", deep(maxGroupDepth), true},
		{"too deep", deep(maxGroupDepth + 1), false},
		{"without its end", []byte{open, 2<<3 | wireBytes, 9}, false},
		{"with the end of another", []byte{open, 2<<3 | wireGroupEnd}, false},
		{"ends crosswise", []byte{open, 2<<3 | wireGroupStart, shut, 2<<3 | wireGroupEnd}, false},
		{"a number that is cut off", []byte{open, 2<<3 | wireVarint, 0x80}, false},
		{"bytes that are cut off", []byte{open, 2<<3 | wireBytes, 9, shut}, false},
		{"a field of no number", []byte{open, 0<<3 | wireBytes, 0, shut}, false},
		{"a field of no type", []byte{open, 2<<3 | 6, shut}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after := []byte{4<<3 | wireVarint, 7}
			f, rest, err := nextField(append(slices.Clone(tt.group), after...))
			if tt.sound != (err == nil) || err != nil && !errors.Is(err, errProtobuf) {
				t.Fatalf("error %v, sound is %v", err, tt.sound)
			}
			if err == nil && (!bytes.Equal(rest, after) || f.wire != wireGroupStart) {
				t.Errorf("left is %x, of a field of type %d", rest, f.wire)
			}
		})
	}
}

// A head that is cut off is none, wherever that is.
func TestHeadsThatAreCutOff(t *testing.T) {
	whole := appendVarint(appendBytes(nil, 14, "a"), 15, 5)  // of which nobody knows a field
	ends := map[int]bool{0: true, 3: true, len(whole): true} // where a field ends
	for n := range len(whole) + 1 {
		request := (&requestHead{req: new(transport.Message)}).parse(whole[:n])
		response := new(responseHead).parse(whole[:n])
		if (request == nil) != ends[n] || (response == nil) != ends[n] {
			t.Errorf("%d bytes of %d: %v, %v", n, len(whole), request, response)
		}
	}
}
