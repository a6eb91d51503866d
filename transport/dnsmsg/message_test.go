package dnsmsg

import (
	"slices"
	"testing"
)

// A record may end with the message: nothing behind it is looked at.
func TestTheLastRecordOfAMessage(t *testing.T) {
	header := make([]byte, headerSize)
	header[atAdditional+1] = 1
	record := []byte{0, 0, typeOPT, 4, 0, 0, 0, 0, 0, 0, 0} // of the root, 1024 bytes
	m := slices.Clip(append(header, record...))
	if size, extended, err := answerSize(m, headerSize); size != 1024 || !extended || err != nil {
		t.Errorf("%d, %v, %v", size, extended, err)
	}
	if _, _, err := answerSize(slices.Clip(m[:len(m)-1]), headerSize); err == nil {
		t.Error("a record that is cut is no error")
	}
}
