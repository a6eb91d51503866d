package muxpool

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// callEndTable tells, for each way in which a call can end and for what had become of its
// request by then: how a Read that waits ends (or those that come, where an answer is
// unread), what a Write says, what becomes of the id, and what is counted, at the end, at
// the Close that follows, and when an answer comes after all. "mute" is a peer that reads
// nothing: the request is queued, and the kernel has not taken it.
const callEndTable = `
Close             | nothing  | woken: closed, unsent; write: closed, unsent; free; closed: free; late: free, duplicate +1
Close             | asked    | woken: closed, sent; write: closed, sent; reserved for 1; closed: reserved for 1; late: free, late +1
Close             | answered | 0 read, then closed, sent; write: closed, sent; free; closed: free; late: free, duplicate +1
Close             | read     | woken: closed, sent; write: closed, sent; free; closed: free; late: free, duplicate +1
Close             | mute     | woken: closed, sent; write: closed, sent; reserved for 1; closed: reserved for 1
cancel            | nothing  | woken: canceled, unsent; write: canceled, unsent; free; closed: free; late: free, duplicate +1
cancel            | asked    | woken: canceled, sent; write: canceled, sent; reserved for 1; closed: reserved for 1; late: free, late +1
cancel            | answered | 1 read, then canceled, sent; write: canceled, sent; free; closed: free; late: free, duplicate +1
cancel            | read     | woken: canceled, sent; write: canceled, sent; free; closed: free; late: free, duplicate +1
cancel            | mute     | woken: canceled, sent; write: canceled, sent; reserved for 1; closed: reserved for 1
cancel, ours      | nothing  | woken: canceled, unsent; write: canceled, unsent; free; closed: free; late: free, duplicate +1
cancel, ours      | asked    | woken: canceled, sent; write: canceled, sent; reserved for 1; closed: reserved for 1; late: free, late +1
cancel, ours      | answered | 1 read, then canceled, sent; write: canceled, sent; free; closed: free; late: free, duplicate +1
cancel, ours      | read     | woken: canceled, sent; write: canceled, sent; free; closed: free; late: free, duplicate +1
cancel, ours      | mute     | woken: canceled, sent; write: canceled, sent; reserved for 1; closed: reserved for 1
deadline          | nothing  | woken: deadline, unsent; write: deadline, unsent; free; closed: free; late: free, duplicate +1
deadline          | asked    | woken: deadline, sent; write: deadline, sent; reserved for 1, lapsed +1; closed: reserved for 1; late: free, late +1
deadline          | answered | 1 read, then deadline, sent; write: deadline, sent; free; closed: free; late: free, duplicate +1
deadline          | read     | woken: deadline, sent; write: deadline, sent; free; closed: free; late: free, duplicate +1
deadline          | mute     | woken: deadline, sent; write: deadline, sent; reserved for 1; closed: reserved for 1
deadline, ours    | nothing  | woken: deadline, unsent; write: deadline, unsent; free; closed: free; late: free, duplicate +1
deadline, ours    | asked    | woken: deadline, sent; write: deadline, sent; reserved for 1, lapsed +1; closed: reserved for 1; late: free, late +1
deadline, ours    | answered | 1 read, then deadline, sent; write: deadline, sent; free; closed: free; late: free, duplicate +1
deadline, ours    | read     | woken: deadline, sent; write: deadline, sent; free; closed: free; late: free, duplicate +1
deadline, ours    | mute     | woken: deadline, sent; write: deadline, sent; reserved for 1; closed: reserved for 1
deadline, option  | nothing  | woken: deadline, unsent; write: deadline, unsent; free; closed: free; late: free, duplicate +1
deadline, option  | asked    | woken: deadline, sent; write: deadline, sent; reserved for 1, lapsed +1; closed: reserved for 1; late: free, late +1
deadline, option  | answered | 1 read, then deadline, sent; write: deadline, sent; free; closed: free; late: free, duplicate +1
deadline, option  | read     | woken: deadline, sent; write: deadline, sent; free; closed: free; late: free, duplicate +1
deadline, option  | mute     | woken: deadline, sent; write: deadline, sent; reserved for 1; closed: reserved for 1
too much unread   | nothing  | 0 read, then deadline, unsent; write: deadline, unsent; free, duplicate +5; closed: free; late: free, duplicate +1
too much unread   | asked    | 3 read, then queue full, sent; write: queue full, sent; live, overflowed +2; closed: reserved for 1; late: free, late +1
too much unread   | answered | 1 read, then deadline, sent; write: deadline, sent; free, duplicate +5; closed: free; late: free, duplicate +1
too much unread   | read     | 0 read, then deadline, sent; write: deadline, sent; free, duplicate +5; closed: free; late: free, duplicate +1
too much unread   | mute     | 3 read, then queue full, sent; write: queue full, sent; live, overflowed +2; closed: reserved for 1
answer too large  | nothing  | asleep; written; live, duplicate +1; closed: reserved for 1; woken by Close: closed, sent; late: free, late +1
answer too large  | asked    | woken: frame too large, sent; write: frame too large, sent; live; closed: free; late: free, duplicate +1
answer too large  | answered | 1 read, then deadline, sent; write: deadline, sent; free, duplicate +1; closed: free; late: free, duplicate +1
answer too large  | read     | asleep; written; live, duplicate +1; closed: reserved for 1; woken by Close: closed, sent; late: free, late +1
answer too large  | mute     | woken: frame too large, sent; write: frame too large, sent; live; closed: free
peer closes       | nothing  | woken: lost, unsent; write: lost, unsent; gone; closed: gone; late: gone
peer closes       | asked    | woken: lost, sent; write: lost, sent; gone; closed: gone; late: gone
peer closes       | answered | 1 read, then lost, sent; write: lost, sent; gone; closed: gone; late: gone
peer closes       | read     | woken: lost, sent; write: lost, sent; gone; closed: gone; late: gone
peer closes       | mute     | woken: lost, unsent; write: lost, unsent; gone; closed: gone
peer sends junk   | nothing  | woken: protocol error, unsent; write: protocol error, unsent; gone; closed: gone; late: gone
peer sends junk   | asked    | woken: protocol error, sent; write: protocol error, sent; gone; closed: gone; late: gone
peer sends junk   | answered | 1 read, then protocol error, sent; write: protocol error, sent; gone; closed: gone; late: gone
peer sends junk   | read     | woken: protocol error, sent; write: protocol error, sent; gone; closed: gone; late: gone
peer sends junk   | mute     | woken: protocol error, unsent; write: protocol error, unsent; gone; closed: gone
keepalive timeout | nothing  | woken: keepalive timeout, unsent; write: keepalive timeout, unsent; gone; closed: gone; late: gone
keepalive timeout | asked    | woken: keepalive timeout, sent; write: keepalive timeout, sent; gone; closed: gone; late: gone
keepalive timeout | answered | 1 read, then keepalive timeout, sent; write: keepalive timeout, sent; gone; closed: gone; late: gone
keepalive timeout | read     | woken: keepalive timeout, sent; write: keepalive timeout, sent; gone; closed: gone; late: gone
keepalive timeout | mute     | woken: keepalive timeout, unsent; write: keepalive timeout, unsent; gone; closed: gone
write fails       | nothing  | woken: lost, unsent; write: lost, unsent; gone; closed: gone; late: gone
write fails       | asked    | woken: lost, sent; write: lost, sent; gone; closed: gone; late: gone
write fails       | answered | 1 read, then lost, sent; write: lost, sent; gone; closed: gone; late: gone
write fails       | read     | woken: lost, sent; write: lost, sent; gone; closed: gone; late: gone
write fails       | mute     | woken: lost, unsent; write: lost, unsent; gone; closed: gone
pool closes       | nothing  | woken: pool closed, unsent; write: pool closed, unsent; gone; closed: gone; late: gone
pool closes       | asked    | woken: pool closed, sent; write: pool closed, sent; gone; closed: gone; late: gone
pool closes       | answered | 1 read, then pool closed, sent; write: pool closed, sent; gone; closed: gone; late: gone
pool closes       | read     | woken: pool closed, sent; write: pool closed, sent; gone; closed: gone; late: gone
pool closes       | mute     | woken: pool closed, unsent; write: pool closed, unsent; gone; closed: gone
pool shuts down   | nothing  | woken: pool closed, unsent; write: pool closed, unsent; gone; closed: gone; late: gone
pool shuts down   | asked    | woken: pool closed, sent; write: pool closed, sent; gone; closed: gone; late: gone
pool shuts down   | answered | 1 read, then pool closed, sent; write: pool closed, sent; gone; closed: gone; late: gone
pool shuts down   | read     | woken: pool closed, sent; write: pool closed, sent; gone; closed: gone; late: gone
pool shuts down   | mute     | woken: pool closed, unsent; write: pool closed, unsent; gone; closed: gone
`

// TestCallEndTable plays callEndTable.
func TestCallEndTable(t *testing.T) {
	want := strings.Split(strings.TrimSpace(callEndTable), "\n")
	var got []string
	for _, way := range callEnds {
		for _, asked := range []string{"nothing", "asked", "answered", "read", "mute"} {
			var told string
			withWorld(t, endParser{}, []PoolOption{WithConnectNumber(1), WithRecvLimit(200), WithWriteTimeout(time.Hour),
				WithKeepAlive(time.Hour), WithStallTimeout(time.Hour)}, func(t *testing.T, w *world) {
				told = playEnd(w, way.end, way.with, asked, way.name != "too much unread")
			})
			got = append(got, fmt.Sprintf("%-18s| %-9s| %s", way.name, asked, told))
		}
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("not in the table:\n%s", got[i])
		case i >= len(got):
			t.Errorf("not played:\n%s", want[i])
		case got[i] != want[i]:
			t.Errorf("got\n%s\nwant\n%s", got[i], want[i])
		}
	}
}
